"""Fixtures of the hub's own database, shared with the store tests."""

from tests.store.conftest import empty, migrated, state_url

__all__ = ["empty", "migrated", "state_url"]
