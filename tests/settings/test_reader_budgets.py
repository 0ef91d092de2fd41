"""The operator's budgets of different people per reader."""

from __future__ import annotations

import pytest

from auth.caller import CallerKind
from cache.limits.people_counts import PeopleBudget
from settings.reader_budgets import parse_reader_budgets

DEFAULTS = {
    CallerKind.OFFICIAL: PeopleBudget(300, 1_500),
    CallerKind.AGENCY_SYSTEM: PeopleBudget(10_000, 100_000),
    CallerKind.PARTNER: PeopleBudget(5_000, 50_000),
    CallerKind.SUPERVISOR: PeopleBudget(2_000, 10_000),
    CallerKind.AUDITOR: PeopleBudget(5_000, 20_000),
    CallerKind.PROTECTION_OFFICER: PeopleBudget(5_000, 20_000),
}


def test_without_a_line_each_kind_that_reads_for_a_purpose_has_a_budget() -> None:
    assert parse_reader_budgets(()) == DEFAULTS


def test_a_line_replaces_the_budget_of_its_kind_only() -> None:
    assert parse_reader_budgets(("official:20/20",)) == DEFAULTS | {CallerKind.OFFICIAL: PeopleBudget(20, 20)}


def test_off_removes_the_budget_of_a_kind_or_of_all() -> None:
    assert CallerKind.PARTNER not in parse_reader_budgets(("partner:off",))
    assert parse_reader_budgets(("off",)) == {}


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (("official:300",), "'official:300' is not a reader budget"),
        (("citizen:3/5",), "'citizen:3/5' is not a reader budget"),
        (("official:0/5",), "'official:0/5' is not a reader budget"),
        (("off", "official:3/5"), "'off' is not a reader budget"),
        (("official:300/299",), "'official:300/299' allows fewer people a day than an hour"),
        (("official:3/5", "official:off"), "'official' is listed more than once"),
    ],
)
def test_a_line_that_is_no_budget_is_refused(lines: tuple[str, ...], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_reader_budgets(lines)
