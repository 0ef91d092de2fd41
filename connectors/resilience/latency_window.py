"""The latencies of an agency's last answers."""

from __future__ import annotations

from collections import deque
from typing import Final

_WINDOW_SIZE: Final = 100
_MIN_SAMPLES: Final = 20
_UPDATE_INTERVAL: Final = 10
"""Number of answers between two computations, because sorting after each answer would be too expensive."""


class LatencyWindow:
    """The latencies of the last answers, in seconds."""

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=_WINDOW_SIZE)
        self._since = 0
        self._p95: float | None = None

    def __repr__(self) -> str:
        return f"<Latencies n={len(self._last)} p95={'unknown' if self._p95 is None else f'{self._p95:g}s'}>"

    def record(self, seconds: float) -> None:
        """Add the latency of an answer."""
        self._last.append(seconds)
        self._since += 1
        if self._since >= _UPDATE_INTERVAL and len(self._last) >= _MIN_SAMPLES:
            self._since = 0
            self._p95 = sorted(self._last)[int(0.95 * len(self._last))]

    @property
    def p95(self) -> float | None:
        """The 95th percentile; None without enough answers."""
        return self._p95
