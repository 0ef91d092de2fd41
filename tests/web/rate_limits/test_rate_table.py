"""Who may ask how often and for how much, as an operator writes it."""

from __future__ import annotations

import pytest

from auth.caller import CallerKind
from cache.limits.rate_limiter import Rate
from web.rate_limits.rate_table import DEFAULT_RATES, parse_rates


def test_every_kind_of_caller_has_rates() -> None:
    assert set(parse_rates(())) == set(CallerKind)
    assert len(DEFAULT_RATES) == len(CallerKind)


def test_a_line_sets_requests_and_points_a_minute_and_leaves_the_other_kinds_as_they_are() -> None:
    rates = parse_rates(("citizen:10/500",))
    assert rates[CallerKind.CITIZEN] == (Rate(10, 60.0), Rate(500, 60.0), Rate(60, 60.0))
    assert rates[CallerKind.OFFICIAL] == parse_rates(())[CallerKind.OFFICIAL]


def test_a_line_may_set_how_often_fresh_data_may_be_asked_for() -> None:
    assert parse_rates(("citizen:10/500/3",))[CallerKind.CITIZEN] == (Rate(10, 60.0), Rate(500, 60.0), Rate(3, 60.0))


def test_limits_can_be_lifted_for_a_kind_and_for_all() -> None:
    assert set(CallerKind) - set(parse_rates(("operator:off",))) == {CallerKind.OPERATOR}
    assert parse_rates(("off",)) == {}


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("citizens:1/1",), "'citizens' is no kind of caller"),
        (("citizen:0/1",), "'citizen:0/1' does not say who may ask how much"),
        (("citizen:10",), "'citizen:10' does not say who may ask how much"),
        (("citizen:10/-1",), "'citizen:10/-1' does not say"),
        (("citizen:10/500/0",), "'citizen:10/500/0' does not say"),
        (("citizen:on",), "'citizen:on' does not say"),
        (("off", "citizen:1/1"), "'off' does not say"),
        (("citizen:1/1", "citizen:2/2"), "'citizen' is listed more than once"),
    ],
)
def test_other_lines_are_refused_with_the_fix(lines: tuple[str, ...], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_rates(lines)
