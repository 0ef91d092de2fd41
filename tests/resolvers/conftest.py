"""The hub's own database, for what the hub knows by itself."""

from tests.store.conftest import empty, state_url

__all__ = ["empty", "state_url"]
