"""The page of quirks: each test and each sample that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "agencies" / "quirks.md"
NAMED = sorted(
    set(re.findall(r"`([\w./-]+)::([^`]+)`", PAGE.read_text(encoding="utf-8"))) - {("file", "name"), ("file", "text")}
)


def test_every_quirk_has_bytes() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("## ")[0]
    rows = [row.strip("|").split(" | ") for row in table.splitlines() if row.startswith("| ")]
    assert [row for row in rows[1:] if len(row) != 3 or "::" not in row[2]] == []
    assert len(NAMED) > len(rows)


@pytest.mark.parametrize(("file", "text"), NAMED, ids=[f"{file}::{text}" for file, text in NAMED])
def test_what_the_page_names_is_there(file: str, text: str) -> None:
    content = (ROOT / file).read_text(encoding="utf-8")
    assert (f"def {text}(" if file.endswith(".py") else text) in content
