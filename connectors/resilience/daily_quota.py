"""How many calls an agency takes a day."""

from __future__ import annotations

import asyncio
from datetime import datetime, time, timedelta, tzinfo
from typing import Final

from connectors.resilience.shared_limits import SharedLimits

_RESERVATIONS_PER_DAY: Final = 500
"""The parts of a day's calls that processes reserve: a process that ends loses what it had reserved."""


class DailyCallQuota:
    """`calls_per_day` calls, counted from midnight to midnight in the agency's time zone.

    Moments are Unix times in seconds. Where processes count together, each reserves some calls at a time, so that all
    of them never make more than the agency takes, and hardly any call waits for the count. Where nobody counts for all,
    a process goes on from what it knows.
    """

    def __init__(
        self, calls_per_day: int, zone: tzinfo, *, agency: str = "", shared_limits: SharedLimits | None = None
    ) -> None:
        self._daily = calls_per_day
        self._zone = zone
        self._agency = agency
        self._together = shared_limits
        self._part = calls_per_day if shared_limits is None else max(1, calls_per_day // _RESERVATIONS_PER_DAY)
        self._began = self._ends = 0.0
        self._day = 0
        self._reserved = 0
        """By all processes, as far as is known."""
        self._reserved_here = 0
        """Reserved by this one, and not made yet."""
        self._reserving = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Quota left={self.left}/{self._daily}>"

    @property
    def left(self) -> int:
        """Calls left of the day of the last call, as far as is known here."""
        return self._daily - self._reserved + self._reserved_here

    @property
    def has_reserved(self) -> bool:
        """Whether a call can be made without reserving any."""
        return self._reserved_here > 0

    def get_retry_after(self, now: float) -> float:
        """Seconds until the next day begins where none is left; else 0."""
        if not self._began <= now < self._ends:  # the other way round too: clocks are set back
            self._begin(now)
        return 0.0 if self.left > 0 else self._ends - now

    async def reserve(self) -> None:
        """Have a call at hand for the day that `get_retry_after` was asked about, where one is left."""
        async with self._reserving:
            while not self._reserved_here and self._reserved < self._daily:
                await self._reserve(min(self._part, self._daily - self._reserved))

    def spend(self) -> None:
        """Make one call of those at hand."""
        self._reserved_here -= 1

    async def _reserve(self, calls: int) -> None:
        day, told = self._day, None
        if self._together is not None:
            told = await self._together.reserve(
                self._agency, calls, day=day, limit=self._daily, known_spent=self._reserved
            )
        if day != self._day:  # it is tomorrow by now
            return
        granted, reserved = (True, self._reserved + calls) if told is None else told
        self._reserved = min(self._daily, max(self._reserved, reserved))
        self._reserved_here += calls if granted else 0

    def _begin(self, now: float) -> None:
        today = datetime.fromtimestamp(now, self._zone).date()
        midnights = (datetime.combine(day, time.min, self._zone) for day in (today, today + timedelta(days=1)))
        self._began, self._ends = (each.timestamp() for each in midnights)
        self._day = today.toordinal()
        self._reserved = self._reserved_here = 0
