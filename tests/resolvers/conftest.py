"""The hub's own database, as the tests of the store have it."""

from tests.store.conftest import empty, migrated, state_url

__all__ = ["empty", "migrated", "state_url"]
