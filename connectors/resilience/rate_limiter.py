"""Limits the calls per second to an agency."""

from __future__ import annotations

import asyncio

from aiolimiter import AsyncLimiter

from connectors.resilience.shared_limits import SharedLimits


class CallRateLimiter:
    """Permits `rate` calls per second, with bursts of `burst`. Calls wait for their turn, in the order of arrival.

    One object limits all calls of a process to an agency. If processes share the count, all of them share the rate; if
    the shared count is unavailable, each process has its own.
    """

    def __init__(self, *, rate: float, burst: int, agency: str = "", shared_limits: SharedLimits | None = None) -> None:
        self._limiter = AsyncLimiter(burst, burst / rate)
        self._rate = rate
        self._burst = burst
        self._agency = agency
        self._shared_limits = shared_limits
        self._queue = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<CallRateLimiter {self._rate:g}/s burst={self._burst}>"

    @property
    def has_free_permit(self) -> bool:
        """Whether a call would get its turn immediately, as far as this process knows."""
        return self._limiter.has_capacity() and not self._queue.locked()

    async def acquire(self, timeout: float) -> bool:
        """Wait for the turn of one call, at most `timeout` seconds. Returns whether it came."""
        if self._shared_limits is None and self._limiter.has_capacity():
            await self._limiter.acquire()
            return True
        try:
            async with asyncio.timeout(timeout):
                return await self._acquire(self._shared_limits, asyncio.get_running_loop().time() + timeout)
        except TimeoutError:
            return False

    async def _acquire(self, shared_limits: SharedLimits | None, deadline: float) -> bool:
        if shared_limits is not None:
            async with self._queue:
                while wait := await shared_limits.acquire_rate(self._agency, rate=self._rate, burst=self._burst):
                    if asyncio.get_running_loop().time() + wait > deadline:
                        return False
                    await asyncio.sleep(wait)
                if wait is not None:
                    if self._limiter.has_capacity():  # so that this process keeps an estimate
                        await self._limiter.acquire()
                    return True
        await self._limiter.acquire()
        return True
