"""The longest files come first; all others stay in their order."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.plugins.order import FIRST, pytest_collection_modifyitems

TESTS = Path(__file__).parents[1]


def collected(*paths: str) -> list[Any]:
    return [SimpleNamespace(nodeid=f"tests/{path}::test_it") for path in paths]


def test_files_of_the_first_folders_come_first_and_all_else_stays() -> None:
    items = collected("auth/test_a.py", "workers/test_b.py", "web/test_c.py", "crowd/test_d.py", "cli/test_e.py")
    pytest_collection_modifyitems(items)
    files = [each.nodeid.removeprefix("tests/").removesuffix("::test_it") for each in items]
    assert files == ["workers/test_b.py", "crowd/test_d.py", "auth/test_a.py", "web/test_c.py", "cli/test_e.py"]


@pytest.mark.parametrize("folder", FIRST)
def test_each_of_the_first_folders_has_tests(folder: str) -> None:
    assert list((TESTS / folder).glob("test_*.py"))
