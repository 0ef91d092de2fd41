"""Calls a day, by the agency's clock."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from connectors.policies.quota import Quota

JAKARTA = timezone(timedelta(hours=7))
NOON = datetime(2026, 11, 24, 12, tzinfo=JAKARTA).timestamp()


def spent(quota: Quota, calls: int, now: float) -> None:
    for _ in range(calls):
        assert quota.refused_for(now) == 0
        quota.spend()


def test_what_is_spent_is_refused_until_midnight_there() -> None:
    quota = Quota(2, JAKARTA)
    spent(quota, 2, NOON)
    assert quota.refused_for(NOON) == 12 * 3600
    assert quota.refused_for(NOON + 12 * 3600 - 1) == 1
    assert repr(quota) == "<Quota left=0/2>"


def test_a_new_day_begins_with_the_whole_quota() -> None:
    quota = Quota(2, JAKARTA)
    spent(quota, 2, NOON)
    assert quota.refused_for(NOON + 12 * 3600) == 0
    assert quota.left == 2


def test_a_clock_that_is_set_back_a_day_does_not_cost_two_days() -> None:
    quota = Quota(1, JAKARTA)
    spent(quota, 1, NOON)
    assert quota.refused_for(NOON - 86_400) == 0
