"""Pytest plugin: `--quick` keeps what tells most in little time (`make test-quick`).

Kept are tests of the hub's layers that need no server, each function with its first parameters only, and one journey
through the whole city. Nothing is listed by hand: a new test is taken, or left out, by what it needs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.databases.postgres import Postgres
from tests.sandbox_agencies import run_agency, start_agency

TESTS = Path(__file__).parent.parent
JOURNEY = TESTS / "journeys" / "test_recorded_cases.py"
PROCESSES = {
    "attacks",
    "benchmarks",
    "cli",
    "crowd",
    "deploy",
    "docs",
    "faults",
    "journeys",
    "plugins",
    "sandbox",
    "scripts",
    "workers",
}
"""Folders whose tests start processes, read the whole documentation, or repeat others in great number."""
STARTERS = [Postgres, run_agency, start_agency]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="only what tells most in little time")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.option.quick:
        return
    selected: dict[str, pytest.Item] = {}
    for each in items:
        name = each.nodeid.partition("[")[0]
        if isinstance(each, pytest.Function) and name not in selected and _is_quick(each):
            selected[name] = each
    config.hook.pytest_deselected(
        items=[each for each in items if selected.get(each.nodeid.partition("[")[0]) is not each]
    )
    items[:] = selected.values()


def _is_quick(item: pytest.Function) -> bool:
    return item.path == JOURNEY or not (item.path.relative_to(TESTS).parts[0] in PROCESSES or _needs_server(item))


def _needs_server(item: pytest.Function) -> bool:
    """Whether its module starts servers, or it uses a fixture of `tests/conftest.py` for the whole run, or a Valkey."""
    if any(each in STARTERS for each in vars(item.module).values() if callable(each)):
        return True
    known = item._fixtureinfo.name2fixturedefs
    return "valkey" in known or any(
        found[0].baseid == "tests" and found[0].scope == "session" for found in known.values()
    )
