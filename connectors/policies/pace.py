"""How many calls a second an agency is asked at most."""

from __future__ import annotations

import asyncio

from aiolimiter import AsyncLimiter

from connectors.policies.together import Together


class Pace:
    """`rate` calls a second, with a short burst of `burst`. Whose turn it is not waits for it, in the order of arrival.

    One object paces all calls of a process to an agency. Where processes count together, all of them share the pace;
    where nobody counts for all, each has one of its own.
    """

    def __init__(self, *, rate: float, burst: int, agency: str = "", together: Together | None = None) -> None:
        self._limiter = AsyncLimiter(burst, burst / rate)
        self._rate = rate
        self._burst = burst
        self._agency = agency
        self._together = together
        self._queue = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Pace {self._rate:g}/s burst={self._burst}>"

    @property
    def free(self) -> bool:
        """Whether a call would have its turn at once, as far as is known here."""
        return self._limiter.has_capacity() and not self._queue.locked()

    async def turn(self, patience: float) -> bool:
        """Wait for the turn of one call; whether it came within `patience` seconds."""
        if self._together is None and self._limiter.has_capacity():
            await self._limiter.acquire()
            return True
        try:
            async with asyncio.timeout(patience):
                return await self._turn(self._together, asyncio.get_running_loop().time() + patience)
        except TimeoutError:
            return False

    async def _turn(self, together: Together | None, until: float) -> bool:
        if together is not None:
            async with self._queue:
                while wait := await together.turn(self._agency, rate=self._rate, burst=self._burst):
                    if asyncio.get_running_loop().time() + wait > until:
                        return False
                    await asyncio.sleep(wait)
                if wait is not None:
                    if self._limiter.has_capacity():  # so that this process knows where it stands
                        await self._limiter.acquire()
                    return True
        await self._limiter.acquire()
        return True
