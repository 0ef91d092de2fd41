"""The hours at which an agency is closed: maintenance at night, days of the week, days of the year."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from enum import Enum
from typing import Final

from records.record import record

_MAX_CHAINED_WINDOWS: Final = 60
"""Maximum adjacent windows that are followed to find the opening time."""

MonthDay = tuple[int, int]
"""A day of every year: month and day."""


class ClosedTo(Enum):
    """The calls that a closed agency refuses."""

    EVERYTHING = "everything"
    WRITES = "writes"
    """Reads are still possible."""


@record
class ClosedWindow:
    """One window in which an agency is closed, in its local time.

    From `start` until before `end`; across midnight if `end` is not later than `start`, so two equal times are a whole
    day. Days are those on which it begins.
    """

    start: time = time.min
    end: time = time.min
    weekdays: frozenset[int] = frozenset()
    """Monday is 0; empty: every day."""
    first_day: MonthDay | None = None
    """With `last_day`: a range of days of each year, inclusive; it may cross New Year."""
    last_day: MonthDay | None = None
    closed_to: ClosedTo = ClosedTo.EVERYTHING

    def begins_on(self, day: date) -> bool:
        """Whether it begins on this day."""
        if self.weekdays and day.weekday() not in self.weekdays:
            return False
        if self.first_day is None or self.last_day is None:
            return True
        at = (day.month, day.day)
        if self.first_day <= self.last_day:
            return self.first_day <= at <= self.last_day
        return at >= self.first_day or at <= self.last_day


class ClosedHours:
    """The windows of one agency in its time zone."""

    def __init__(self, windows: Sequence[ClosedWindow], zone: tzinfo) -> None:
        self._reads = [each for each in windows if each.closed_to is ClosedTo.EVERYTHING]
        self._writes = list(windows)
        self._zone = zone
        self._open: dict[bool, tuple[float, float]] = {}
        """For reads and for writes: a period in which it is known to be open."""

    def __repr__(self) -> str:
        return f"<ClosedHours windows={len(self._writes)}>"

    def get_closed_seconds(self, moment: float, *, writes: bool = False) -> float:
        """Seconds until it opens, at a Unix time in seconds; 0 if it is open. Adjacent windows count as one."""
        windows = self._writes if writes else self._reads
        since, until = self._open.get(writes, (0.0, 0.0))
        if since <= moment < until or not windows:
            return 0.0
        now = datetime.fromtimestamp(moment, self._zone)
        opens = now
        for _ in range(_MAX_CHAINED_WINDOWS):
            later = max((end for each in windows if (end := self._end(each, opens))), default=None)
            if later is None:
                break
            opens = later
        if opens > now:
            return opens.timestamp() - moment
        self._open[writes] = moment, min(self._next_start(each, now) for each in windows).timestamp()
        return 0.0

    def _next_start(self, window: ClosedWindow, at: datetime) -> datetime:
        """The next moment at which a window may begin; midnight at the latest, when the day changes."""
        start = datetime.combine(at.date(), window.start, self._zone)
        if start > at and window.begins_on(at.date()):
            return start
        return datetime.combine(at.date() + timedelta(days=1), time.min, self._zone)

    def _end(self, window: ClosedWindow, at: datetime) -> datetime | None:
        """The end of the window that contains the moment; None if there is none."""
        over_midnight = window.end <= window.start
        for begun in (at.date(), at.date() - timedelta(days=1)):
            if window.begins_on(begun):
                ends = begun + timedelta(days=1) if over_midnight else begun
                start = datetime.combine(begun, window.start, self._zone)
                end = datetime.combine(ends, window.end, self._zone)
                if start <= at < end:
                    return end
        return None
