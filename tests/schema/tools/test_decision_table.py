"""The checked-in decision table matches the rules and the graph, and contains every kind of caller."""

from __future__ import annotations

from difflib import unified_diff

from auth.caller import CallerKind
from schema.tools.decision_table import build_sample_callers
from tests.schema.decision_table import TABLE
from wiring.schema_tools import build_decision_table


def test_the_checked_in_table_matches_the_code() -> None:
    before, now = TABLE.read_text(encoding="utf-8").splitlines(), build_decision_table().rstrip("\n").splitlines()
    changed = list(unified_diff(before, now, "checked in", "by the code", lineterm="", n=0))
    assert not changed, "\n".join(["Read the changed lines. If they are meant: `simpul schema write`.", *changed])


def test_the_lines_are_sorted_and_each_field_has_one() -> None:
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert lines == sorted(lines)
    assert len({line.split("`")[1] for line in lines}) == len(lines)


def test_every_kind_of_caller_has_a_sample() -> None:
    assert {each.caller.kind for each in build_sample_callers()} == set(CallerKind)
    descriptions = [each.description for each in build_sample_callers()]
    assert len(set(descriptions)) == len(descriptions)
