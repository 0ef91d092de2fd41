"""How long an agency's last answers took."""

from __future__ import annotations

from collections import deque
from typing import Final

_WINDOW_SIZE: Final = 100
_MIN_SAMPLES: Final = 20
_UPDATE_INTERVAL: Final = 10
"""After this number of answers the slowest ones are determined again; sorting at each answer would cost too much."""


class LatencyWindow:
    """The last answers' times, in seconds."""

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=_WINDOW_SIZE)
        self._since = 0
        self._p95: float | None = None

    def __repr__(self) -> str:
        return f"<Latencies n={len(self._last)} p95={'unknown' if self._p95 is None else f'{self._p95:g}s'}>"

    def record(self, seconds: float) -> None:
        """An answer came after so long."""
        self._last.append(seconds)
        self._since += 1
        if self._since >= _UPDATE_INTERVAL and len(self._last) >= _MIN_SAMPLES:
            self._since = 0
            self._p95 = sorted(self._last)[int(0.95 * len(self._last))]

    @property
    def p95(self) -> float | None:
        """What 95 of 100 stay below; None until there are enough to tell."""
        return self._p95
