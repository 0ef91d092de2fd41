"""The page of access rules contains every kind of caller and every rule."""

import pytest

from auth.policy.rules import Rule
from schema.tools.decision_table import TableCaller, build_sample_callers
from wiring.schema_tools import build_access_page

PAGE = build_access_page().splitlines()


@pytest.mark.parametrize("sample", build_sample_callers(), ids=lambda each: each.description)
def test_every_caller_has_a_row_with_a_decision_about_every_rule(sample: TableCaller) -> None:
    [row] = [line for line in PAGE if line.startswith(f"| {sample.description} |")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert len(cells) == len(Rule)  # the caller, and each rule but PUBLIC
    assert all(cells)


def test_a_guardian_is_a_citizen_who_reads_about_their_child() -> None:
    [row] = [line for line in PAGE if line.startswith("| a citizen |")]
    assert row.strip("| ").split(" | ")[:3] == ["a citizen", "themself", "their child"]
