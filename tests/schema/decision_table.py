"""The checked-in decision table, as the tests of the graph read it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

TABLE = Path(__file__).resolve().parents[2] / "docs" / "frontend" / "decision-table.md"
EVERYBODY = "everybody"

ROWS_OF_CALLERS = {
    "anonymous": ("an anonymous caller", "own"),
    "the person": ("a citizen", "themself"),
    "another citizen": ("a citizen", "others"),
    "an official": ("an official", "own"),
    "a supervisor": ("a supervisor", "their own agency"),
    "the protection officer": ("a data-protection officer", "own"),
}
"""The callers of `tests.fakes.small_records`: their name in the table, and its name for Siti's records."""


@cache
def load_decision_table() -> Mapping[str, Mapping[str, frozenset[str]]]:
    """The records that each caller reads, by field. A caller who reads none has no entry."""
    table: dict[str, Mapping[str, frozenset[str]]] = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            field, readers, _ = line.removeprefix("| ").split(" |", 2)
            table[field.split("`")[1]] = (
                dict(map(_parse_reader, readers.strip().split("; "))) if readers.strip() else {}
            )
    return table


def _parse_reader(text: str) -> tuple[str, frozenset[str]]:
    caller, _, records = text.partition(": ")
    return caller, frozenset(records.split(", ")) if records else frozenset()


def is_public(field: str) -> bool:
    """Whether everybody may read the field of every record."""
    return EVERYBODY in load_decision_table()[field]


def can_read(field: str, caller: str, *, about_caller: bool = False) -> bool:
    """Whether the caller may read the field of Siti's record or, if it is about the caller, of their own."""
    if is_public(field):
        return True
    kind, records = ROWS_OF_CALLERS[caller]
    if about_caller and records == "others":
        records = "themself"
    return not load_decision_table()[field].get(kind, frozenset()).isdisjoint({"all", records})
