"""Measures how long the event loop stalls while a hostile reply is read: processor time of each turn."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import thread_time

STALL = 0.05
"""Seconds for which the loop may stand still."""
_TRIES = 3
"""Another process on the same core can make a turn look long, and never makes one look short."""


class LoopTurns:
    """The turns of the event loop while something was watched."""

    def __init__(self) -> None:
        self.longest = 0.0
        """Processor time of the longest, in seconds: what other processes do meanwhile does not count."""
        self.count = 0


@asynccontextmanager
async def watched_turns() -> AsyncIterator[LoopTurns]:
    """Watch the loop for the length of the block.

    What lives already is frozen, as the hub does before it serves: else a collection would go through everything that
    the test process holds. It stays frozen: all collections of later tests would take a quarter of a second.
    """
    turns = LoopTurns()

    async def watch() -> None:
        last = thread_time()
        while True:
            await asyncio.sleep(0)
            now = thread_time()
            turns.longest, last = max(turns.longest, now - last), now
            turns.count += 1

    gc.collect()
    gc.freeze()
    watching = asyncio.create_task(watch())
    try:
        await asyncio.sleep(0)
        yield turns
        await asyncio.sleep(0)
    finally:
        watching.cancel()


async def longest_turn(attack: Callable[[], Awaitable[object]]) -> float:
    """The longest turn while an attack runs: the shortest of a few tries, up to one below `STALL`."""
    longest = float("inf")
    for _ in range(_TRIES):
        async with watched_turns() as turns:
            await attack()
        longest = min(longest, turns.longest)
        if longest < STALL:
            break
    return longest
