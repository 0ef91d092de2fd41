"""Limits the concurrent calls to an agency, and the calls that wait for a permit."""

from __future__ import annotations

import asyncio
from collections import deque


class Bulkhead:
    """Permits for `max_concurrency` calls, in order of arrival, and a queue of `max_waiting`; None: no limit.

    A full bulkhead refuses immediately, because callers at the end of a long queue would wait in vain.

    `asyncio.Semaphore` is not used: each check of it costs a generator, and every call to an agency makes several.
    """

    def __init__(self, *, max_concurrency: int, max_waiting: int | None) -> None:
        self._max_concurrency = max_concurrency
        self._max_waiting = max_waiting
        self._queue: deque[asyncio.Future[None]] = deque()
        self.in_flight = 0
        """Permits taken, including those that were passed on to a waiting call."""

    def __repr__(self) -> str:
        limit = "any" if self._max_waiting is None else self._max_waiting
        return f"<Bulkhead in_flight={self.in_flight}/{self._max_concurrency} waiting={self.waiting}/{limit}>"

    @property
    def waiting(self) -> int:
        """Calls that wait for a permit."""
        return len(self._queue)

    @property
    def has_free_permit(self) -> bool:
        """Whether a call would get a permit without waiting."""
        return self.in_flight < self._max_concurrency

    @property
    def is_full(self) -> bool:
        """Whether a call can neither get a permit nor wait for one."""
        return (
            self.in_flight >= self._max_concurrency
            and self._max_waiting is not None
            and len(self._queue) >= self._max_waiting
        )

    def take_free(self) -> bool:
        """Take a permit if one is free. Call `release` after the call."""
        # While permits are free, no call waits: `release` passes them on.
        if self.in_flight >= self._max_concurrency:
            return False
        self.in_flight += 1
        return True

    async def acquire(self, timeout: float) -> bool:
        """Take a permit; wait for it at most `timeout` seconds. False without one. Call `release` after the call."""
        if self.take_free():
            return True
        if self.is_full:
            return False
        permit = asyncio.get_running_loop().create_future()
        self._queue.append(permit)
        try:
            async with asyncio.timeout(timeout):
                await permit
        except BaseException as end:
            if permit.done() and not permit.cancelled():  # it came in the same turn as the end of the wait
                self.release()
            elif permit in self._queue:
                self._queue.remove(permit)
            if isinstance(end, TimeoutError):
                return False
            raise
        return True

    def release(self) -> None:
        """Pass the permit on to the first call that waits, or give it back."""
        while self._queue:
            permit = self._queue.popleft()
            if not permit.done():
                permit.set_result(None)
                return
        self.in_flight -= 1
