"""The rates of each kind of caller, as the operator sets them."""

from __future__ import annotations

import pytest

from auth.caller import CallerKind
from cache.limits.rate_limiter import Rate
from web.rate_limits.rate_table import DEFAULT_RATES, parse_rates


def test_every_kind_of_caller_has_rates() -> None:
    assert set(parse_rates(())) == set(CallerKind)
    assert len(DEFAULT_RATES) == len(CallerKind)


def test_a_line_sets_requests_and_points_per_minute_of_one_kind() -> None:
    rates = parse_rates(("citizen:10/500",))
    assert rates[CallerKind.CITIZEN] == (Rate(10, 60.0), Rate(500, 60.0), Rate(60, 60.0))
    assert rates[CallerKind.OFFICIAL] == parse_rates(())[CallerKind.OFFICIAL]


def test_a_line_may_set_the_rate_of_requests_for_fresh_data() -> None:
    assert parse_rates(("citizen:10/500/3",))[CallerKind.CITIZEN] == (Rate(10, 60.0), Rate(500, 60.0), Rate(3, 60.0))


def test_limits_can_be_turned_off_for_one_kind_and_for_all() -> None:
    assert set(CallerKind) - set(parse_rates(("operator:off",))) == {CallerKind.OPERATOR}
    assert parse_rates(("off",)) == {}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("citizens:1/1",), "'citizens' is not a kind of caller"),
        (("citizen:0/1",), "'citizen:0/1' is not a rate"),
        (("citizen:10",), "'citizen:10' is not a rate"),
        (("citizen:10/-1",), "'citizen:10/-1' is not a rate"),
        (("citizen:10/500/0",), "'citizen:10/500/0' is not a rate"),
        (("citizen:on",), "'citizen:on' is not a rate"),
        (("off", "citizen:1/1"), "'off' is not a rate"),
        (("citizen:1/1", "citizen:2/2"), "'citizen' is listed more than once"),
    ],
)
def test_other_lines_are_refused_with_the_fix(lines: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_rates(lines)
