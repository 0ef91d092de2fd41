"""How many calls to an agency may be under way, and how many may wait for one to end."""

from __future__ import annotations

import asyncio


class Bulkhead:
    """Places for `max_concurrency` calls, and for `max_waiting` more that wait for one; None: as many as come.

    In the order in which they came. What is full refuses at once: a queue that nobody reaches the end of in time would
    cost its callers their patience and give them nothing.
    """

    def __init__(self, *, max_concurrency: int, max_waiting: int | None) -> None:
        self._permits = asyncio.Semaphore(max_concurrency)
        self._max_concurrency = max_concurrency
        self._most_waiting = max_waiting
        self.in_flight = 0
        self.waiting = 0

    def __repr__(self) -> str:
        most = "any" if self._most_waiting is None else self._most_waiting
        return f"<Bulkhead under_way={self.in_flight}/{self._max_concurrency} waiting={self.waiting}/{most}>"

    @property
    def has_free_permit(self) -> bool:
        """Whether a call would get a place at once."""
        return not self._permits.locked()

    @property
    def is_full(self) -> bool:
        """Whether a call can neither get a place nor wait for one."""
        return self._permits.locked() and self._most_waiting is not None and self.waiting >= self._most_waiting

    async def acquire(self, timeout: float) -> bool:
        """Take a place, waiting for it at most `timeout` seconds; whether there was one. Call `release` after it."""
        if self._permits.locked():
            if not await self._wait(timeout):
                return False
        else:
            await self._permits.acquire()
        self.in_flight += 1
        return True

    def release(self) -> None:
        """Give the place back."""
        self.in_flight -= 1
        self._permits.release()

    async def _wait(self, timeout: float) -> bool:
        if self.is_full:
            return False
        self.waiting += 1
        try:
            async with asyncio.timeout(timeout):
                await self._permits.acquire()
        except TimeoutError:
            return False
        finally:
            self.waiting -= 1
        return True
