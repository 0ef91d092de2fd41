"""Pytest plugin: the longest files come first, so that no process works alone at the end of a run."""

from __future__ import annotations

import pytest

FIRST = (
    "journeys/commands",
    "journeys/people",
    "workers",
    "crowd",
    "cli/serve",
    "deploy",
    "engine/graphql_core",
    "journeys/agencies",
    "connectors/agencies",
)
"""Folders whose files take tens of seconds each: they start whole cities and hubs, or compare thousands of answers."""
_FIRST_FILES = tuple(f"tests/{each}/test_" for each in FIRST)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_is_later)  # stable: all else stays in its order


def _is_later(item: pytest.Item) -> bool:
    return not item.nodeid.startswith(_FIRST_FILES)
