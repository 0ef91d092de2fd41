"""Tests that need a program which need not be there: found, or skipped with the true reason; and marked by themselves.

A test that asks for the fixture `program`, or for a fixture that uses it, is marked `optional_programs`. So are tests
in front of the sandbox city, which takes MariaDB where it is, in the places that show a difference. `.ci/run` runs them
a second time with all left out.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Generator
from pathlib import Path
from typing import NoReturn

import pytest

from sandbox.programs import find_program, find_program_of
from scripts.optional_programs import why_missing

ROOT = Path(__file__).parents[2]
MARKER = "optional_programs"
_CITY = frozenset({"city", "jakpreneur", "serve_process", "seeded_state"})
"""Fixtures with the sandbox city, which chooses between MariaDB and SQLite."""
_ENGINE_MATTERS = tuple(
    f"tests/{each}"
    for each in (
        "connectors/",
        "sandbox/",
        "cli/sandbox/",
        "cli/serve/test_commands.py",
        "docs/",
        "journeys/test_recorded_cases.py",
        "journeys/agencies/test_outages.py",
    )
)
"""Where tests with the city try its answers, failures and starts; elsewhere they only need a city."""
_TELLS_ENGINES_APART = "counts_msmes"
"""What a file says whose tests expect something else of SQLite."""


_missed: set[str] = set()
"""The reasons by which tests were skipped here, to tell them from other skips."""


def _skip(reason: str) -> NoReturn:
    _missed.add(reason)
    pytest.skip(reason)


FindProgram = Callable[[str], Path]


def program_or_skip(command: str) -> Path:
    """Where an optional program's command is; skips with the reason where it is missing or left out."""
    found = find_program(command)
    if found is None:
        _skip(why_missing(find_program_of(command)) or f"{command} is not installed")
    return found


def node_packages() -> Path:
    """The folder of the tests' Node packages; skips where they were not fetched, or are those of another lock."""
    program_or_skip("node")
    tests = ROOT / "tests"
    return locked_packages(tests / "node_modules", tests / "package-lock.json", "Node packages of the tests")


def python_client_tools() -> Path:
    """The folder with the code generator of Python clients; skips as `node_packages`."""
    lock = ROOT / "tests" / "clients" / "requirements.lock"
    return locked_packages(ROOT / ".simpul" / "python-clients", lock, "packages that generate Python clients")


def page_packages() -> Path:
    """The folder of the GraphiQL page's Node packages; skips as `node_packages`."""
    program_or_skip("npm")
    folder, lock = ROOT / "node_modules", ROOT / "package-lock.json"
    return locked_packages(folder, lock, "Node packages of the GraphiQL page", make="setup")


def locked_packages(folder: Path, lock: Path, name: str, *, make: str = "programs") -> Path:
    """A folder of fetched packages, whose stamp is the digest of their lock; skips with the reason."""
    stamp = folder / "simpul.stamp"
    if not stamp.is_file():
        _skip(f"the {name} were not fetched: `make {make}` does it")
    if stamp.read_text(encoding="utf-8") != hashlib.sha256(lock.read_bytes()).hexdigest():
        _skip(f"the {name} are not those of {lock.relative_to(ROOT)}: `make {make}` renews them")
    return folder


@pytest.fixture(scope="session")
def program() -> FindProgram:
    """Finds an optional program's command, or skips with the reason why it is not there."""
    return program_or_skip


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests whose outcome may depend on an optional program."""
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        if "program" in used or (used & _CITY and _engine_matters(item)):
            item.add_marker(MARKER)


def _engine_matters(item: pytest.Item) -> bool:
    return item.nodeid.startswith(_ENGINE_MATTERS) or _tells_engines_apart(item.path)


@functools.cache
def _tells_engines_apart(path: Path) -> bool:
    return _TELLS_ENGINES_APART in path.read_text(encoding="utf-8")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that misses an optional program and is not marked: `.ci/run` would not run it both ways."""
    report = yield
    missed = call.excinfo is not None and str(call.excinfo.value) in _missed
    if missed and report.skipped and not item.get_closest_marker(MARKER):
        report.outcome = "failed"
        report.longrepr = f"{call.excinfo}: mark the test `{MARKER}`, or ask for the fixture `program`"
    return report
