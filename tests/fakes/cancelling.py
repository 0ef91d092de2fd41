"""Cancels work at each moment of its run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def cancel_at_any_moment(begin: Callable[[], asyncio.Future[T]]) -> T:
    """Begin work and cancel it, later each time, until it ends first; returns its result.

    It is cancelled after 0, 1, 2 ... turns of the event loop, later in steps of an eighth: what waits for another
    process takes thousands of turns on a busy machine.
    """
    turns = 0
    while True:
        work = begin()
        for _ in range(turns):
            await asyncio.sleep(0)
        is_cancelled = work.cancel()
        await asyncio.wait({work})
        assert work.cancelled() == is_cancelled
        turns += 1 + turns // 8
        if not is_cancelled:
            assert turns > 2
            return work.result()
