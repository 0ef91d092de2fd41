"""Working time: the hours in which an office is open, added to a moment and measured between two moments."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, NamedTuple

OfficeHours = Sequence[tuple[time, time]]
"""The openings of one day: start and end of each, in order."""

_FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
_LAST: Final = datetime(2099, 1, 1, tzinfo=UTC).timestamp()
"""Other moments count as the nearest of these two: so a wrong date of an agency costs no time."""
_MAX_YEARS: Final = 120


class _Openings(NamedTuple):
    """All openings of consecutive years. All moments are seconds since 1970."""

    years: range
    low: float
    """The start of the first year."""
    high: float
    """The end of the last year."""
    starts: Sequence[float]
    ends: Sequence[float]
    worked: Sequence[float]
    """Working seconds from the start of the first year until each end."""

    @property
    def total(self) -> float:
        """Working seconds of all years."""
        return self.worked[-1] if self.worked else 0.0

    def count_until(self, at: float) -> float:
        """Working seconds from the start of the first year until a moment."""
        index = bisect_right(self.ends, at)
        if index == len(self.ends):
            return self.total
        return self.worked[index] - self.ends[index] + max(at, self.starts[index])


class WorkingTime:
    """The working time of an office. The openings of a year are computed when it is first asked for."""

    def __init__(
        self, week: Sequence[OfficeHours], list_days_off: Callable[[int], Collection[date]], time_zone: tzinfo
    ) -> None:
        """`week` has the office hours from Monday to Sunday; `list_days_off` gives the days off of a year.

        Raises ValueError for a week without office hours.
        """
        lengths = [sum(_count_minutes(end) - _count_minutes(start) for start, end in day) for day in week]
        if not any(lengths):
            raise ValueError("an office has at least one day with office hours")
        self.day_seconds: Final = 60.0 * sum(lengths) / sum(1 for each in lengths if each)
        """Length of one working day: the mean of the week's office days."""
        self._week = week
        self._list_days_off = list_days_off
        self._zone = time_zone
        self._by_year: dict[int, list[tuple[float, float]]] = {}
        self._openings = _Openings(range(0), 0.0, 0.0, (), (), ())

    def add(self, start: datetime, durations: Sequence[float]) -> list[datetime]:
        """The earliest moments at which the office has worked these seconds since `start`.

        Each duration is above 0. Raises ValueError if the office does not work for so long within a century.
        """
        at, longest, openings = start.timestamp(), max(durations), self._openings
        if not openings.low <= at < openings.high:
            at = _limit(at)
            openings = self._cover(at, at)
        while (done := openings.count_until(at)) + longest > openings.total:
            openings = self._extend(openings.years.stop)
        ends, worked, zone, found = openings.ends, openings.worked, self._zone, []
        for seconds in durations:
            target = done + seconds
            index = bisect_left(worked, target)
            found.append(datetime.fromtimestamp(ends[index] - worked[index] + target, zone))
        return found

    def measure(self, start: datetime, end: datetime) -> float:
        """The working seconds between two moments; 0 if `end` is not after `start`."""
        first, last = _limit(start.timestamp()), _limit(end.timestamp())
        if last <= first:
            return 0.0
        openings = self._cover(first, last)
        return openings.count_until(last) - openings.count_until(first)

    def _cover(self, first: float, last: float) -> _Openings:
        """The openings of the years of two moments, and perhaps of more."""
        openings = self._openings
        if openings.low <= first and last < openings.high:
            return openings
        for each in (first, last):
            if not openings.low <= each < openings.high:
                openings = self._extend(datetime.fromtimestamp(each, self._zone).year)
        return openings

    def _extend(self, year: int) -> _Openings:
        """The openings of the known years, of this one, and of all between them."""
        known = self._openings.years or range(year, year)
        years = range(min(year, known.start), max(year + 1, known.stop))
        if len(years) > _MAX_YEARS:
            raise ValueError("the office does not work for so long within a century")
        self._by_year |= {each: [*self._list_openings(each)] for each in years if each not in self._by_year}
        openings = [each for number in years for each in self._by_year[number]]
        worked, total = [], 0.0
        for start, end in openings:
            total += end - start
            worked.append(total)
        low, high = (self._locate(date(each, 1, 1), time()) for each in (years.start, years.stop))
        starts, ends = [start for start, _ in openings], [end for _, end in openings]
        self._openings = _Openings(years, low, high, starts, ends, worked)
        return self._openings

    def _list_openings(self, year: int) -> Iterator[tuple[float, float]]:
        off, day = frozenset(self._list_days_off(year)), date(year, 1, 1)
        while day.year == year:
            if day not in off:
                for start, end in self._week[day.weekday()]:
                    yield self._locate(day, start), self._locate(day, end)
            day += timedelta(days=1)

    def _locate(self, day: date, at: time) -> float:
        return datetime.combine(day, at, self._zone).timestamp()


def _limit(at: float) -> float:
    return min(max(at, _FIRST), _LAST)


def _count_minutes(at: time) -> int:
    return at.hour * 60 + at.minute
