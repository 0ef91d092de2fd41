"""How many calls to an agency may be under way, and how many may wait for one to end."""

from __future__ import annotations

import asyncio


class Bulkhead:
    """Places for `at_once` calls, and for `waiting` more that wait for one; None: as many as come.

    In the order in which they came. What is full refuses at once: a queue that nobody reaches the end of in time would
    cost its callers their patience and give them nothing.
    """

    def __init__(self, *, at_once: int, waiting: int | None) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._at_once = at_once
        self._most_waiting = waiting
        self.under_way = 0
        self.waiting = 0

    def __repr__(self) -> str:
        most = "any" if self._most_waiting is None else self._most_waiting
        return f"<Bulkhead under_way={self.under_way}/{self._at_once} waiting={self.waiting}/{most}>"

    @property
    def free(self) -> bool:
        """Whether a call would get a place at once."""
        return not self._places.locked()

    @property
    def full(self) -> bool:
        """Whether a call can neither get a place nor wait for one."""
        return self._places.locked() and self._most_waiting is not None and self.waiting >= self._most_waiting

    async def enter(self, patience: float) -> bool:
        """Take a place, waiting for it at most `patience` seconds; whether there was one. Call `leave` after it."""
        if self._places.locked():
            if not await self._wait(patience):
                return False
        else:
            await self._places.acquire()
        self.under_way += 1
        return True

    def leave(self) -> None:
        """Give the place back."""
        self.under_way -= 1
        self._places.release()

    async def _wait(self, patience: float) -> bool:
        if self.full:
            return False
        self.waiting += 1
        try:
            async with asyncio.timeout(patience):
                await self._places.acquire()
        except TimeoutError:
            return False
        finally:
            self.waiting -= 1
        return True
