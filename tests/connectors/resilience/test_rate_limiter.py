"""The rate of calls, for one process and for several with a shared count, on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from connectors.resilience.rate_limiter import CallRateLimiter
from tests.fakes.virtual_loop import VirtualLoop, virtual_loop


class SharedRateCount:
    """A fake shared count: one turn per second for all processes together, after a burst."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._full_at = 0.0
        self.answers = True

    async def acquire_rate(self, _agency: str, *, rate: float, burst: int) -> float | None:
        if not self.answers:
            return None
        full_at = max(self._full_at, self._now()) + 1 / rate
        wait = full_at - self._now() - burst / rate
        if wait > 1e-9:
            return wait
        self._full_at = full_at
        return 0.0

    async def reserve(
        self, agency: str, calls: int, *, day: int, limit: int, known_spent: int
    ) -> tuple[bool, int] | None:
        raise AssertionError(f"nobody counts days of {agency} here: {calls}, {day}, {limit}, {known_spent}")


def run(tried: Callable[[VirtualLoop], Awaitable[None]]) -> None:
    with virtual_loop() as loop:
        loop.run_until_complete(tried(loop))


async def moment(pace: CallRateLimiter, loop: VirtualLoop, patience: float = 60.0) -> float | None:
    """The time at which the turn came; None if it did not."""
    return round(loop.time(), 3) if await pace.acquire(patience) else None


def test_two_processes_share_one_rate() -> None:
    async def tried(loop: VirtualLoop) -> None:
        count = SharedRateCount(loop.time)
        here, there = (CallRateLimiter(rate=1.0, burst=2, agency="pangan", shared_limits=count) for _ in range(2))
        began = loop.time()
        turns = await asyncio.gather(*(moment(pace, loop) for pace in (here, there) * 3))
        came = sorted(each - began for each in turns if each is not None)
        assert [round(each, 2) for each in came] == [0, 0, 1, 2, 3, 4]

    run(tried)


def test_a_permit_that_would_come_too_late_is_refused_immediately() -> None:
    async def tried(loop: VirtualLoop) -> None:
        pace = CallRateLimiter(rate=0.1, burst=1, agency="pangan", shared_limits=SharedRateCount(loop.time))
        began = loop.time()
        assert await pace.acquire(1.0)
        assert not await pace.acquire(5.0)
        assert loop.time() == began

    run(tried)


def test_without_a_shared_count_each_process_has_its_own_rate() -> None:
    async def tried(loop: VirtualLoop) -> None:
        count = SharedRateCount(loop.time)
        count.answers = False
        here, there = (CallRateLimiter(rate=1.0, burst=1, agency="pangan", shared_limits=count) for _ in range(2))
        began = loop.time()
        turns = await asyncio.gather(*(moment(pace, loop) for pace in (here, there) * 2))
        came = sorted(each - began for each in turns if each is not None)
        assert [round(each, 1) for each in came] == [0, 0, 1, 1]

    run(tried)


def test_a_shared_permit_also_counts_in_the_process_itself() -> None:
    async def tried(loop: VirtualLoop) -> None:
        pace = CallRateLimiter(rate=1.0, burst=1, agency="pangan", shared_limits=SharedRateCount(loop.time))
        assert pace.has_free_permit
        assert await pace.acquire(1.0)
        assert not pace.has_free_permit

    run(tried)
