"""How many calls an agency takes a day."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo


class Quota:
    """`daily` calls, counted from midnight to midnight in the agency's time zone. Moments are Unix times in seconds.

    Counted by this process alone, from its start: of an agency's quota each process gets a part of its own.
    """

    def __init__(self, daily: int, zone: tzinfo) -> None:
        self._daily = daily
        self._zone = zone
        self._began = self._ends = 0.0
        self.left = daily
        """Calls left of the day of the last call."""

    def __repr__(self) -> str:
        return f"<Quota left={self.left}/{self._daily}>"

    def refused_for(self, now: float) -> float:
        """Seconds until the next day begins where none is left; else 0."""
        if not self._began <= now < self._ends:  # the other way round too: clocks are set back
            self._begin(now)
        return 0.0 if self.left > 0 else self._ends - now

    def spend(self) -> None:
        """Count one call of the day that `refused_for` was asked about."""
        self.left -= 1

    def _begin(self, now: float) -> None:
        today = datetime.fromtimestamp(now, self._zone).date()
        midnights = (datetime.combine(day, time.min, self._zone) for day in (today, today + timedelta(days=1)))
        self._began, self._ends = (each.timestamp() for each in midnights)
        self.left = self._daily
