"""How much a client may spend in a day.

Counted in this process alone, and from nothing when it starts: several processes allow as many times the quota.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from engine.document import RefusedRequest
from engine.errors import request_error

_SECONDS_A_DAY = 86_400


class Quota:
    """Points that are left of the day (UTC)."""

    def __init__(self, points_a_day: int, *, now: Callable[[], float] = time.time) -> None:
        """Nothing is spent yet. `now` gives seconds since 1970-01-01 UTC."""
        self.points_a_day = points_a_day
        self._now = now
        self._day = 0
        self._spent = 0

    def spend(self, points: int) -> None:
        """Spend so many points; raises `RefusedRequest`, with `retryAfter` in seconds, where fewer are left."""
        now = self._now()
        day = int(now // _SECONDS_A_DAY)
        if day != self._day:
            self._day, self._spent = day, 0
        if self._spent + points > self.points_a_day:
            left = max(self.points_a_day - self._spent, 0)
            message = (
                f"The operation is expected to cost {points} points, and {left} of {self.points_a_day} are left of"
                " this client's day. Ask for less, or tomorrow (UTC)."
            )
            error = request_error(message, "QUOTA_EXCEEDED")
            error["extensions"]["retryAfter"] = int((day + 1) * _SECONDS_A_DAY - now) + 1
            raise RefusedRequest(error)
        self._spent += points

    def __repr__(self) -> str:
        """How much is spent."""
        return f"<Quota {self._spent} of {self.points_a_day} points>"
