"""The last hour of each agency, minute by minute, for the status page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

HISTORY_MINUTES: Final = 60
"""Minutes of history."""


class AgencyTotals(NamedTuple):
    """The counts of one agency since the start of the process."""

    answered: int
    failed: int
    hits: int
    """Keys found in the process cache or the shared tier."""
    looked: int
    """Keys looked up."""
    stale: int
    """Answers that replaced a failure."""
    durations: tuple[int, ...]
    """Calls by duration bucket."""


class AgencyMinute(msgspec.Struct, array_like=True):
    """One minute of one agency."""

    number: int
    """Minutes since 1970-01-01 UTC."""
    agency: str
    answered: int = 0
    failed: int = 0
    hits: int = 0
    looked: int = 0
    stale: int = 0
    durations: list[int] = msgspec.field(default_factory=list)

    def add(self, more: AgencyMinute | AgencyTotals, less: AgencyTotals | None = None) -> None:
        """Adds the counts of `more`, minus those of `less`."""
        self.answered += more.answered - (less.answered if less else 0)
        self.failed += more.failed - (less.failed if less else 0)
        self.hits += more.hits - (less.hits if less else 0)
        self.looked += more.looked - (less.looked if less else 0)
        self.stale += more.stale - (less.stale if less else 0)
        before = less.durations if less else (0,) * len(more.durations)
        if not self.durations:
            self.durations = [0] * len(more.durations)
        if len(self.durations) == len(more.durations) == len(before):  # else another version of the hub wrote them
            self.durations = [
                mine + now - then for mine, now, then in zip(self.durations, more.durations, before, strict=True)
            ]


class MinuteHistory:
    """Splits the growth of an agency's counters into minutes."""

    def __init__(self) -> None:
        self._last_totals: dict[str, AgencyTotals] = {}
        self._minutes: dict[tuple[int, str], AgencyMinute] = {}

    def record(self, totals: Mapping[str, AgencyTotals], now: float) -> None:
        """Assigns the growth since the last call to the minute of `now` (seconds since 1970-01-01 UTC)."""
        number = int(now // 60)
        for agency, counted in totals.items():
            before = self._last_totals.get(agency)
            if counted != before:
                minute = self._minutes.setdefault((number, agency), AgencyMinute(number, agency))
                minute.add(counted, before)
                self._last_totals[agency] = counted
        for key in [key for key in self._minutes if key[0] <= number - HISTORY_MINUTES]:
            del self._minutes[key]

    def get_minutes(self) -> list[AgencyMinute]:
        """Returns the minutes with activity."""
        return list(self._minutes.values())


def merge_minutes(minutes: Iterable[AgencyMinute]) -> list[AgencyMinute]:
    """Merges the minutes of several processes: one for each minute and agency."""
    whole: dict[tuple[int, str], AgencyMinute] = {}
    for each in minutes:
        key = each.number, each.agency
        known = whole.get(key)
        if known is None:
            known = whole[key] = AgencyMinute(*key)
        known.add(each)
    return list(whole.values())


def select_last_hour(minutes: Iterable[AgencyMinute], now: float) -> list[AgencyMinute]:
    """Returns the minutes of the last hour. Excludes future minutes, which a clock that was set back leaves."""
    newest = int(now // 60)
    return [each for each in minutes if newest - HISTORY_MINUTES < each.number <= newest]


def estimate_quantile(share: float, counts: Sequence[int], bounds: Sequence[float]) -> float | None:
    """Estimates the value that this share of the values stay below; None without values.

    Assumes that values are spread evenly within their bucket. Above the last bound it returns that bound.
    """
    rank = share * sum(counts)
    if not rank:
        return None
    below = 0
    for at, (count, upper) in enumerate(zip(counts, bounds, strict=False)):
        if below + count >= rank:
            lower = bounds[at - 1] if at else 0.0
            return lower + (upper - lower) * (rank - below) / count
        below += count
    return bounds[-1]
