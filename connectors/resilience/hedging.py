"""Hedged requests: a second request if the first takes longer than 95 of 100 others; the first answer wins."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

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
        return f"<LatencyWindow n={len(self._last)} p95={'unknown' if self._p95 is None else f'{self._p95:g}s'}>"

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


async def run_hedged(
    attempt: Callable[[], Coroutine[Any, Any, T]], after: float, may_ask_again: Callable[[], Awaitable[bool]]
) -> tuple[T, bool]:
    """Run an attempt, and a second one if it takes longer than `after` seconds; return the first answer.

    `may_ask_again` permits the second. Returns the answer, and whether it is the second's. A failure is ignored while
    the other attempt runs; if both fail, the first failure is raised. The slower attempt is cancelled; both are if the
    caller is cancelled.
    """
    first = asyncio.ensure_future(attempt())
    asked = {first}
    try:
        await asyncio.wait(asked, timeout=after)
        if first.done() or not await may_ask_again():
            return await first, False
        second = asyncio.ensure_future(attempt())
        asked.add(second)
        pending = {first, second}
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for each in (first, second):
                if each in done and not each.cancelled() and each.exception() is None:
                    return each.result(), each is second
        return await first, False
    finally:
        for each in asked:
            if not each.done():
                each.cancel()
        # Retrieved, so that asyncio does not report the ignored failure.
        await asyncio.gather(*asked, return_exceptions=True)
