"""Measures the lag of the event loop: a timer that repeats while there are requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf
from time import monotonic

TICK_SECONDS = 0.02
"""Seconds between two measurements."""
_IDLE_TICKS = 50
"""Number of measurements without requests after which the timer stops."""


class LoopLagMonitor:
    """Measures the lag of the running event loop."""

    def __init__(
        self,
        on_tick: Callable[[float, float], object],
        is_busy: Callable[[], object],
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`on_tick` receives the time and the lag of each tick; `is_busy` returns whether requests run."""
        self._on_tick = on_tick
        self._is_busy = is_busy
        self._clock = clock
        self._idle_ticks = 0
        self.due = inf
        """When the next tick is due, on the clock. Code that runs later is in a loop turn that is late by the
        difference."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_running(self) -> bool:
        """Whether a next tick is scheduled."""
        return self._timer is not None

    def start(self) -> None:
        """Start measuring, or continue."""
        self._idle_ticks = 0
        if self._timer is None:
            self._schedule(self._clock())

    def stop(self) -> None:
        """Stop measuring."""
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
