"""How late the event loop is: a timer that is wound again and again, as long as there are requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf
from time import monotonic

TICK_SECONDS = 0.02
"""Seconds from one look to the next."""
_IDLE_TICKS = 50
"""Looks without anything under way after which nobody looks any more."""


class LoopLagMonitor:
    """Looks at the loop."""

    def __init__(
        self,
        on_tick: Callable[[float, float], object],
        is_busy: Callable[[], object],
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Take who is told the moment and the lag of each look, and who says whether anything is under way."""
        self._on_tick = on_tick
        self._is_busy = is_busy
        self._clock = clock
        self._idle_ticks = 0
        self.due = inf
        """When the next look is due, on the clock. Whoever runs later than that runs in a turn that began too late,
        or takes too long: by how much says the difference."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_running(self) -> bool:
        """Whether there will be a next look."""
        return self._timer is not None

    def start(self) -> None:
        """Begin to look."""
        self._idle_ticks = 0
        if self._timer is None:
            self._schedule(self._clock())

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self.due = None, inf

    def _schedule(self, now: float) -> None:
        self.due = now + TICK_SECONDS
        self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        now = self._clock()
        lag = max(0.0, now - self.due)
        self._idle_ticks = 0 if self._is_busy() else self._idle_ticks + 1
        if self._idle_ticks > _IDLE_TICKS:
            self.stop()
        else:
            self._schedule(now)
        self._on_tick(now, lag)
