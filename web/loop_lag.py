"""How late the event loop is: a timer that is wound again and again, as long as there are requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf
from time import monotonic

TICK = 0.02
"""Seconds from one look to the next."""
_IDLE_TICKS = 50
"""Looks without anything under way after which nobody looks any more."""


class LoopLag:
    """Looks at the loop."""

    def __init__(
        self,
        looked: Callable[[float, float], object],
        busy: Callable[[], object],
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Take who is told the moment and the lag of each look, and who says whether anything is under way."""
        self._looked = looked
        self._busy = busy
        self._clock = clock
        self._idle = 0
        self.due = inf
        """When the next look is due, on the clock. Whoever runs later than that runs in a turn that began too late,
        or takes too long: by how much says the difference."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def watching(self) -> bool:
        """Whether there will be a next look."""
        return self._timer is not None

    def watch(self) -> None:
        """Begin to look."""
        self._idle = 0
        if self._timer is None:
            self._wind(self._clock())

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self.due = None, inf

    def _wind(self, now: float) -> None:
        self.due = now + TICK
        self._timer = asyncio.get_running_loop().call_later(TICK, self._look)

    def _look(self) -> None:
        now = self._clock()
        lag = max(0.0, now - self.due)
        self._idle = 0 if self._busy() else self._idle + 1
        if self._idle > _IDLE_TICKS:
            self.stop()
        else:
            self._wind(now)
        self._looked(now, lag)
