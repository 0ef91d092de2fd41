"""How many calls an agency takes a day."""

from __future__ import annotations

import asyncio
from datetime import datetime, time, timedelta, tzinfo
from typing import Final

from connectors.policies.together import Together

_PARTS: Final = 500
"""Into so many parts a day's calls are cut where processes share them: one that ends loses what it had reserved."""


class Quota:
    """`daily` calls, counted from midnight to midnight in the agency's time zone. Moments are Unix times in seconds.

    Where processes count together, each reserves some calls at a time, so that all of them never make more than the
    agency takes, and hardly any call waits for the count. Where nobody counts for all, a process goes on from what it
    knows.
    """

    def __init__(self, daily: int, zone: tzinfo, *, agency: str = "", together: Together | None = None) -> None:
        self._daily = daily
        self._zone = zone
        self._agency = agency
        self._together = together
        self._part = daily if together is None else max(1, daily // _PARTS)
        self._began = self._ends = 0.0
        self._day = 0
        self._reserved = 0
        """By all processes, as far as is known."""
        self._here = 0
        """Reserved by this one, and not made yet."""
        self._reserving = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Quota left={self.left}/{self._daily}>"

    @property
    def left(self) -> int:
        """Calls left of the day of the last call, as far as is known here."""
        return self._daily - self._reserved + self._here

    @property
    def at_hand(self) -> bool:
        """Whether a call can be made without reserving any."""
        return self._here > 0

    def refused_for(self, now: float) -> float:
        """Seconds until the next day begins where none is left; else 0."""
        if not self._began <= now < self._ends:  # the other way round too: clocks are set back
            self._begin(now)
        return 0.0 if self.left > 0 else self._ends - now

    async def reserve(self) -> None:
        """Have a call at hand for the day that `refused_for` was asked about, where one is left."""
        async with self._reserving:
            while not self._here and self._reserved < self._daily:
                await self._reserve(min(self._part, self._daily - self._reserved))

    def spend(self) -> None:
        """Make one call of those at hand."""
        self._here -= 1

    async def _reserve(self, calls: int) -> None:
        day, told = self._day, None
        if self._together is not None:
            told = await self._together.reserve(self._agency, calls, day=day, most=self._daily, known=self._reserved)
        if day != self._day:  # it is tomorrow by now
            return
        granted, reserved = (True, self._reserved + calls) if told is None else told
        self._reserved = min(self._daily, max(self._reserved, reserved))
        self._here += calls if granted else 0

    def _begin(self, now: float) -> None:
        today = datetime.fromtimestamp(now, self._zone).date()
        midnights = (datetime.combine(day, time.min, self._zone) for day in (today, today + timedelta(days=1)))
        self._began, self._ends = (each.timestamp() for each in midnights)
        self._day = today.toordinal()
        self._reserved = self._here = 0
