"""The page that says who sees what knows every kind of caller and every rule."""

import pytest

from auth.caller import CallerKind
from auth.policy.rules import Rule
from wiring.schema_tools import build_access_page

ROWS = {
    CallerKind.ANONYMOUS: ["nobody in particular"],
    CallerKind.CITIZEN: ["a citizen", "a citizen, less surely identified", "an assistant"],
    CallerKind.BUSINESS: ["a business"],
    CallerKind.OFFICIAL: ["an official", "an official without a purpose", "an official without a case"],
    CallerKind.SUPERVISOR: ["a supervisor"],
    CallerKind.STEWARD: ["a data steward"],
    CallerKind.AUDITOR: ["an auditor"],
    CallerKind.PROTECTION_OFFICER: ["a data-protection officer"],
    CallerKind.PARTNER: ["a partner", "a partner without the scope"],
    CallerKind.AGENCY_SYSTEM: ["a system of an agency"],
    CallerKind.OPERATOR: ["an operator"],
}
PAGE = build_access_page().splitlines()


@pytest.mark.parametrize("kind", CallerKind)
def test_every_kind_of_caller_has_a_row_with_a_decision_about_every_rule(kind: CallerKind) -> None:
    for name in ROWS[kind]:
        [row] = [line for line in PAGE if line.startswith(f"| {name} |")]
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert len(cells) == len(Rule)  # the caller, and each rule but PUBLIC
        assert all(cells)


def test_a_guardian_is_a_citizen_who_reads_about_their_child() -> None:
    [row] = [line for line in PAGE if line.startswith("| a citizen |")]
    assert row.strip("| ").split(" | ")[:3] == ["a citizen", "themself", "their child"]
