"""How an agency did, minute by minute: the last hour, for the page that shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

HISTORY_MINUTES: Final = 60
"""Minutes that are remembered."""


class AgencyTotals(NamedTuple):
    """What was counted of one agency since the start of the process."""

    answered: int
    failed: int
    hits: int
    """Keys that were found kept, in the process or where all keep answers."""
    looked: int
    """Keys that were looked for."""
    stale: int
    """Answers that stood in for a failure."""
    durations: tuple[int, ...]
    """Calls by how long they took."""


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
        """Count along what `more` has, without what `less` had."""
        self.answered += more.answered - (less.answered if less else 0)
        self.failed += more.failed - (less.failed if less else 0)
        self.hits += more.hits - (less.hits if less else 0)
        self.looked += more.looked - (less.looked if less else 0)
        self.stale += more.stale - (less.stale if less else 0)
        before = less.durations if less else (0,) * len(more.durations)
        if not self.durations:
            self.durations = [0] * len(more.durations)
        if len(self.durations) == len(more.durations) == len(before):  # else another version of the hub cut them
            self.durations = [
                mine + now - then for mine, now, then in zip(self.durations, more.durations, before, strict=True)
            ]


class MinuteHistory:
    """Cuts what an agency's counters grew by into minutes."""

    def __init__(self) -> None:
        self._last_totals: dict[str, AgencyTotals] = {}
        self._minutes: dict[tuple[int, str], AgencyMinute] = {}

    def record(self, totals: Mapping[str, AgencyTotals], now: float) -> None:
        """Take what is counted at a moment (seconds since 1970-01-01 UTC): what is new belongs to its minute."""
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
        """The minutes in which something happened."""
        return list(self._minutes.values())


def merge_minutes(minutes: Iterable[AgencyMinute]) -> list[AgencyMinute]:
    """The minutes of several processes: one for each minute and agency."""
    whole: dict[tuple[int, str], AgencyMinute] = {}
    for each in minutes:
        key = each.number, each.agency
        known = whole.get(key)
        if known is None:
            known = whole[key] = AgencyMinute(*key)
        known.add(each)
    return list(whole.values())


def select_last_hour(minutes: Iterable[AgencyMinute], now: float) -> list[AgencyMinute]:
    """Those that are not older than an hour; nor later than now, as where the clock was set back."""
    newest = int(now // 60)
    return [each for each in minutes if newest - HISTORY_MINUTES < each.number <= newest]


def estimate_quantile(share: float, counts: Sequence[int], bounds: Sequence[float]) -> float | None:
    """What this share of the values stay below, about: as if they lay evenly in their range. None where there are none.

    Above the last bound nothing is known but that it is above.
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
