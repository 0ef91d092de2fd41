"""The closing hours of an agency, in its own time zone."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from connectors.resilience.closed_hours import ClosedHours, ClosedTo, ClosedWindow
from records.clocks import CITY_TIME_ZONE

NIGHTLY = ClosedWindow(start=time(23), end=time(1))
SUNDAYS = ClosedWindow(weekdays=frozenset({6}))
SUNDAY_NIGHT = ClosedWindow(start=time(22), end=time(4), weekdays=frozenset({6}))
NEW_YEAR = ClosedWindow(first_day=(12, 30), last_day=(1, 2))
RECKONING = ClosedWindow(first_day=(1, 3), last_day=(1, 13), closed_to=ClosedTo.WRITES)


def at(text: str) -> float:
    """Jakarta time, as Unix time."""
    return datetime.fromisoformat(text).replace(tzinfo=CITY_TIME_ZONE).timestamp()


def hours_closed(windows: list[ClosedWindow], when: str, *, writes: bool = False) -> float:
    return ClosedHours(windows, CITY_TIME_ZONE).get_closed_seconds(at(when), writes=writes) / 3600


@pytest.mark.parametrize(
    ("windows", "when", "hours"),
    [
        ([NIGHTLY], "2026-11-24 22:59:59", 0),
        ([NIGHTLY], "2026-11-24 23:00:00", 2),
        ([NIGHTLY], "2026-11-25 00:30:00", 0.5),
        ([NIGHTLY], "2026-11-25 01:00:00", 0),
        ([SUNDAYS], "2026-11-29 00:00:00", 24),
        ([SUNDAYS], "2026-11-28 23:59:00", 0),
        ([SUNDAYS], "2026-11-30 00:00:00", 0),
        ([SUNDAY_NIGHT], "2026-11-30 03:00:00", 1),
        ([SUNDAY_NIGHT], "2026-11-29 03:00:00", 0),
        ([SUNDAYS, NIGHTLY], "2026-11-28 23:00:00", 26),
        ([NEW_YEAR], "2026-12-30 12:00:00", 3.5 * 24),
        ([NEW_YEAR], "2027-01-03 00:00:00", 0),
        ([ClosedWindow(start=time(8), end=time(9), first_day=(2, 29), last_day=(2, 29))], "2028-02-29 08:30:00", 0.5),
        ([ClosedWindow(start=time(8), end=time(9), first_day=(2, 29), last_day=(2, 29))], "2027-03-01 08:30:00", 0),
        ([], "2026-11-24 23:00:00", 0),
    ],
)
def test_adjacent_windows_count_as_one(windows: list[ClosedWindow], when: str, hours: float) -> None:
    assert hours_closed(windows, when) == hours


def test_an_agency_closed_to_writes_can_be_read() -> None:
    assert hours_closed([RECKONING], "2027-01-03 00:00:00") == 0
    assert hours_closed([RECKONING], "2027-01-03 00:00:00", writes=True) == 11 * 24
    assert hours_closed([RECKONING], "2027-01-14 00:00:00", writes=True) == 0


def test_hours_are_in_the_agencys_time_zone() -> None:
    assert ClosedHours([NIGHTLY], UTC).get_closed_seconds(at("2026-11-24 23:30:00")) == 0
    assert ClosedHours([NIGHTLY], UTC).get_closed_seconds(at("2026-11-25 06:30:00")) == 1.5 * 3600


@pytest.mark.parametrize(
    "windows", [[NIGHTLY], [SUNDAYS], [SUNDAY_NIGHT], [NIGHTLY, SUNDAYS, RECKONING]], ids=lambda each: f"{len(each)}"
)
def test_remembered_hours_equal_computed_hours(windows: list[ClosedWindow]) -> None:
    """Compared for each minute of five days, and with a clock that is set back."""
    kept = ClosedHours(windows, CITY_TIME_ZONE)
    start = at("2026-11-26 12:00:00")
    moments = [start + 60 * minute for minute in range(5 * 24 * 60)]
    for moment in [*moments, *reversed(moments)]:
        assert kept.get_closed_seconds(moment) == ClosedHours(windows, CITY_TIME_ZONE).get_closed_seconds(moment)
        assert kept.get_closed_seconds(moment, writes=True) == ClosedHours(windows, CITY_TIME_ZONE).get_closed_seconds(
            moment, writes=True
        )
