"""The last hour of an agency, minute by minute."""

from __future__ import annotations

import pytest

from telemetry.metrics.minutes import (
    AgencyMinute,
    AgencyTotals,
    MinuteHistory,
    estimate_quantile,
    merge_minutes,
    select_last_hour,
)

NOON = 29_900_000
"""An arbitrary minute since 1970."""


def build_totals(answered: int, failed: int = 0, durations: tuple[int, ...] = (0, 0)) -> AgencyTotals:
    return AgencyTotals(answered=answered, failed=failed, hits=0, looked=0, stale=0, durations=durations)


def summarize_minutes(minutes: list[AgencyMinute]) -> list[tuple[int, int, int, list[int]]]:
    return [(each.number - NOON, each.answered, each.failed, each.durations) for each in minutes]


def test_counter_growth_belongs_to_the_minute_of_its_recording() -> None:
    history = MinuteHistory()
    history.record({"pbb": build_totals(5, 1, (4, 2))}, NOON * 60.0)
    history.record({"pbb": build_totals(7, 1, (5, 3))}, NOON * 60.0 + 59)
    history.record({"pbb": build_totals(8, 3, (5, 6))}, NOON * 60.0 + 60)
    assert summarize_minutes(history.get_minutes()) == [(0, 7, 1, [5, 3]), (1, 1, 2, [0, 3])]


def test_a_minute_without_activity_is_not_stored() -> None:
    history = MinuteHistory()
    history.record({"pbb": build_totals(5)}, NOON * 60.0)
    history.record({"pbb": build_totals(5)}, NOON * 60.0 + 60)
    assert summarize_minutes(history.get_minutes()) == [(0, 5, 0, [0, 0])]


def test_minutes_older_than_an_hour_are_removed() -> None:
    history = MinuteHistory()
    history.record({"pbb": build_totals(5)}, NOON * 60.0)
    history.record({"pbb": build_totals(6)}, (NOON + 59) * 60.0)
    assert [each.number - NOON for each in history.get_minutes()] == [0, 59]
    history.record({"pbb": build_totals(6)}, (NOON + 60) * 60.0)
    assert [each.number - NOON for each in history.get_minutes()] == [59]
    assert select_last_hour(history.get_minutes(), (NOON + 119) * 60.0) == []


def test_minutes_of_several_processes_are_summed_without_changing_them() -> None:
    one, other = AgencyMinute(NOON, "pbb", 1, 2, 3, 4, 5, [1, 0]), AgencyMinute(NOON, "pbb", 10, 20, 30, 40, 50, [0, 7])
    alone = AgencyMinute(NOON, "crm", 1, durations=[1, 1])
    assert merge_minutes([one, other, alone]) == [AgencyMinute(NOON, "pbb", 11, 22, 33, 44, 55, [1, 7]), alone]
    assert one == AgencyMinute(NOON, "pbb", 1, 2, 3, 4, 5, [1, 0])


def test_buckets_of_another_version_are_ignored() -> None:
    assert merge_minutes(
        [AgencyMinute(NOON, "pbb", 1, durations=[1, 0]), AgencyMinute(NOON, "pbb", 1, durations=[1, 0, 0])]
    ) == [AgencyMinute(NOON, "pbb", 2, durations=[1, 0])]


@pytest.mark.parametrize(
    ("share", "counts", "expected"),
    [
        (0.5, [0, 0, 0], None),
        (0.5, [10, 0, 0], 0.5),
        (0.5, [0, 10, 0], 1.5),
        (1.0, [5, 5, 0], 2.0),
        (0.95, [0, 0, 3], 2.0),  # only known to be above the last bound
    ],
)
def test_a_quantile_is_interpolated_within_its_bucket(share: float, counts: list[int], expected: float | None) -> None:
    assert estimate_quantile(share, counts, (1.0, 2.0)) == expected
