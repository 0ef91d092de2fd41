"""How many calls a second an agency is asked at most."""

from __future__ import annotations

import asyncio

from aiolimiter import AsyncLimiter


class Pace:
    """`rate` calls a second, with a short burst of `burst`. Whose turn it is not waits for it, in the order of arrival.

    One object paces all calls of a process to an agency.
    """

    def __init__(self, *, rate: float, burst: int) -> None:
        self._limiter = AsyncLimiter(burst, burst / rate)
        self._rate = rate
        self._burst = burst

    def __repr__(self) -> str:
        return f"<Pace {self._rate:g}/s burst={self._burst}>"

    @property
    def free(self) -> bool:
        """Whether a call would have its turn at once."""
        return self._limiter.has_capacity()

    async def turn(self, patience: float) -> bool:
        """Wait for the turn of one call; whether it came within `patience` seconds."""
        if self._limiter.has_capacity():
            await self._limiter.acquire()
            return True
        try:
            async with asyncio.timeout(patience):
                await self._limiter.acquire()
        except TimeoutError:
            return False
        return True
