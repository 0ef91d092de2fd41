"""The daily quota of calls to an agency."""

from __future__ import annotations

import asyncio
from datetime import datetime, time, timedelta, tzinfo
from typing import Final

from connectors.resilience.shared_limits import SharedLimits

_RESERVATIONS_PER_DAY: Final = 500
"""Parts of a day's calls that processes reserve; a process that ends loses its unused reservation."""


class DailyCallQuota:
    """`calls_per_day` calls, counted from midnight to midnight in the agency's time zone.

    Moments are Unix times in seconds. If processes share the count, each reserves some calls at a time, so that all
    together never exceed the quota, and calls rarely wait for the count. If the shared count is unavailable, a process
    continues from its last known count.
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
        """Calls reserved by all processes, as far as is known."""
        self._reserved_here = 0
        """Calls reserved by this process and not made yet."""
        self._reserving = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<DailyCallQuota left={self.left}/{self._daily}>"

    @property
    def left(self) -> int:
        """Remaining calls of the day of the last call, as far as this process knows."""
        return self._daily - self._reserved + self._reserved_here

    @property
    def has_reserved(self) -> bool:
        """Whether a call can be made without a new reservation."""
        return self._reserved_here > 0

    def get_retry_after(self, now: float) -> float:
        """Seconds until the next day if no call is left; else 0."""
        if not self._began <= now < self._ends:  # also backwards, because clocks can be set back
            self._begin(now)
        return 0.0 if self.left > 0 else self._ends - now

    async def reserve(self) -> None:
        """Reserve a call for the day of the last `get_retry_after`, if one is left."""
        async with self._reserving:
            while not self._reserved_here and self._reserved < self._daily:
                await self._reserve(min(self._part, self._daily - self._reserved))

    def spend(self) -> None:
        """Use one reserved call."""
        self._reserved_here -= 1

    async def _reserve(self, calls: int) -> None:
        day, told = self._day, None
        if self._together is not None:
            told = await self._together.reserve(
                self._agency, calls, day=day, limit=self._daily, known_spent=self._reserved
            )
        if day != self._day:  # the day has changed
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
