"""Working time: office hours, pauses, days off, year ends and other time zones."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from records.clocks import CITY_TIME_ZONE as WIB
from records.working_time import WorkingTime

DAY = [(time(7, 30), time(12)), (time(13), time(16))]
FRIDAY = [(time(7, 30), time(11, 30)), (time(13), time(16, 30))]
WEEK = [DAY, DAY, DAY, DAY, FRIDAY, [], []]
OFF = {date(2026, 1, 1), date(2026, 3, 18), date(2026, 3, 19), date(2026, 3, 20), date(2026, 12, 25), date(2027, 1, 1)}
HOUR = 3_600.0


def list_days_off(year: int) -> Collection[date]:
    return [each for each in OFF if each.year == year]


OFFICE = WorkingTime(WEEK, list_days_off, WIB)


def at(month: int, day: int, hour: int = 0, minute: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=WIB)


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        (at(3, 16, 8), 1, at(3, 16, 9)),
        (at(3, 16, 11), 1, at(3, 16, 12)),  # the end of an opening, and not the start of the next
        (at(3, 16, 11), 2, at(3, 16, 14)),  # over the pause of noon
        (at(3, 16, 12, 30), 1, at(3, 16, 14)),  # from the pause
        (at(3, 16, 5), 1, at(3, 16, 8, 30)),  # before the office opens
        (at(3, 16, 20), 1, at(3, 17, 8, 30)),  # after it closed
        (at(3, 13, 11), 1, at(3, 13, 13, 30)),  # over the longer pause of Friday
        (at(3, 13, 16), 1, at(3, 16, 8)),  # over the weekend
        (at(3, 14, 10), 1, at(3, 16, 8, 30)),  # from a Saturday
        (at(3, 17, 15), 2, at(3, 23, 8, 30)),  # over three days off and the weekend behind them
        (at(3, 19, 10), 7.5, at(3, 23, 16)),  # from a day off
        (at(12, 31, 15), 2, at(1, 4, 8, 30, year=2027)),  # over the end of the year
    ],
)
def test_working_hours_are_added_to_a_moment(start: datetime, hours: float, due: datetime) -> None:
    assert OFFICE.add(start, [hours * HOUR]) == [due]
    assert OFFICE.measure(start, due) == hours * HOUR


def test_several_durations_are_added_to_one_moment() -> None:
    assert OFFICE.add(at(3, 16, 8), [6 * HOUR, 3 * OFFICE.day_seconds]) == [at(3, 16, 15), at(3, 24, 8)]


def test_a_working_day_is_the_mean_of_the_office_days() -> None:
    assert OFFICE.day_seconds == 7.5 * HOUR
    half = WorkingTime([DAY, [(time(8), time(12, 30))], [], [], [], [], []], list_days_off, WIB)
    assert half.day_seconds == 6 * HOUR


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        (at(3, 16, 8), at(3, 16, 8), 0),
        (at(3, 16, 9), at(3, 16, 8), 0),
        (at(3, 16, 12, 15), at(3, 16, 12, 45), 0),
        (at(3, 14), at(3, 16), 0),
        (at(3, 16), at(3, 17), 7.5),
        (at(3, 16, 11, 30), at(3, 16, 13, 30), 1),
        (at(1, 1), at(1, 1, year=2027), 1_920),  # 261 weekdays, five of them off
    ],
)
def test_working_hours_are_measured_between_two_moments(start: datetime, end: datetime, hours: float) -> None:
    assert OFFICE.measure(start, end) == hours * HOUR


def test_moments_of_any_time_zone_count_at_the_office() -> None:
    tokyo, los_angeles = timezone(timedelta(hours=9)), timezone(timedelta(hours=-8))
    assert OFFICE.add(datetime(2026, 3, 16, 3, 0, tzinfo=UTC), [3 * HOUR]) == [at(3, 16, 14)]
    assert OFFICE.add(datetime(2026, 3, 16, 10, 0, tzinfo=tokyo), [HOUR]) == [at(3, 16, 9)]
    assert OFFICE.add(datetime(2026, 12, 31, 20, 0, tzinfo=los_angeles), [HOUR]) == [at(1, 4, 8, 30, year=2027)]
    [due] = OFFICE.add(datetime(2026, 3, 16, 3, 0, tzinfo=UTC), [HOUR])
    assert due.utcoffset() == timedelta(hours=7)


def test_an_office_with_daylight_saving_time_opens_by_its_own_clock() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    office = WorkingTime([[(time(9), time(17))]] * 5 + [[], []], lambda _: (), berlin)
    friday = datetime(2026, 3, 27, 16, 0, tzinfo=berlin)  # two days before the clocks change
    assert office.add(friday, [2 * HOUR]) == [datetime(2026, 3, 30, 10, 0, tzinfo=berlin)]
    assert office.measure(friday, datetime(2026, 3, 30, 10, 0, tzinfo=berlin)) == 2 * HOUR


def test_earlier_years_are_added_to_later_ones() -> None:
    office = WorkingTime(WEEK, list_days_off, WIB)
    assert office.add(at(3, 16, 8), [HOUR]) == [at(3, 16, 9)]
    assert office.measure(at(12, 31, 15, year=2024), at(1, 1, 8, year=2025)) == 1.5 * HOUR
    assert office.add(at(3, 16, 8), [HOUR]) == [at(3, 16, 9)]


def test_a_moment_far_away_counts_as_the_nearest_known_one() -> None:
    assert OFFICE.measure(datetime(1, 1, 1, tzinfo=UTC), datetime(1999, 12, 31, tzinfo=UTC)) == 0
    assert OFFICE.measure(datetime(2100, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)) == 0
    [due] = OFFICE.add(datetime(9999, 12, 31, tzinfo=UTC), [HOUR])
    assert due == datetime(2099, 1, 1, 8, 30, tzinfo=WIB)  # from 7:00, which is midnight in UTC


def test_each_year_is_looked_up_once() -> None:
    asked: list[int] = []

    def list_noted(year: int) -> Collection[date]:
        asked.append(year)
        return ()

    office = WorkingTime(WEEK, list_noted, WIB)
    for day in range(1, 29):
        office.add(at(3, day), [HOUR])
        office.measure(at(1, 1), at(3, day))
        office.measure(at(12, 31, year=2025), at(3, day))
    assert asked == [2026, 2025]


def test_an_office_that_never_opens_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one day with office hours"):
        WorkingTime([[]] * 7, list_days_off, WIB)


def test_an_office_whose_days_are_all_off_has_no_deadline() -> None:
    office = WorkingTime(WEEK, lambda year: [date(year, 1, 1) + timedelta(days=each) for each in range(365)], WIB)
    with pytest.raises(ValueError, match="within a century"):
        office.add(at(3, 16), [10_000 * HOUR])


MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2028, 12, 31), timezones=st.sampled_from([UTC, WIB]))  # noqa: DTZ001 - the zone comes from `timezones`
SECONDS = st.integers(1, 400 * 3_600).map(float)


@settings(max_examples=300)
@given(MOMENTS, SECONDS)
def test_an_added_duration_is_measured_again(start: datetime, seconds: float) -> None:
    [due] = OFFICE.add(start, [seconds])
    assert OFFICE.measure(start, due) == pytest.approx(seconds, abs=1e-3)


@settings(max_examples=300)
@given(MOMENTS, SECONDS)
def test_no_deadline_is_outside_office_hours(start: datetime, seconds: float) -> None:
    [due] = OFFICE.add(start, [seconds])
    assert due > start
    assert due.date() not in OFF
    local = due.replace(microsecond=0).time()
    assert any(opens <= local <= closes for opens, closes in WEEK[due.weekday()])


@settings(max_examples=300)
@given(MOMENTS, st.timedeltas(timedelta(0), timedelta(days=30)), SECONDS, SECONDS)
def test_a_later_report_or_a_longer_limit_is_never_due_earlier(
    start: datetime, later: timedelta, one: float, other: float
) -> None:
    [first, second] = OFFICE.add(start, sorted([one, other]))
    assert first <= second
    assert OFFICE.add(start + later, [one]) >= OFFICE.add(start, [one])


@settings(max_examples=300)
@given(MOMENTS, MOMENTS, MOMENTS)
def test_parts_of_a_period_add_up(one: datetime, two: datetime, three: datetime) -> None:
    first, middle, last = sorted([one, two, three])
    parts = OFFICE.measure(first, middle) + OFFICE.measure(middle, last)
    assert OFFICE.measure(first, last) == pytest.approx(parts, abs=1e-3)
