"""The hub's own database, for attacks that race on it."""

from tests.store.conftest import empty, state_url

__all__ = ["empty", "state_url"]
