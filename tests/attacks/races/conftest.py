"""The hub's own database, empty for each attack that races on it."""

from tests.store.conftest import empty, migrated, state_url

__all__ = ["empty", "migrated", "state_url"]
