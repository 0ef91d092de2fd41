"""Long work on replies, in slices: one slice per turn of the event loop, so that other requests continue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from time import perf_counter
from typing import Final, TypeVar

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")

SLICE_SECONDS: Final = 0.004
"""Seconds of work on many items until others get their turn."""
MAX_IMMEDIATE_ROWS: Final = 32
"""Number of rows, of some microseconds each, that need no separate turn."""


class LongWork:
    """Runs one piece of long work per turn of the event loop, for all agencies, calls and requests together.

    Parsers hold the interpreter's lock, so in a thread they would stop the event loop too. Each piece is therefore
    short, because its input is bounded, and pieces that are ready at the same moment must not add up: eight replies of
    15 ms each would otherwise stop the loop for 120 ms. All drivers of a process share one object.
    """

    def __init__(self, *, clock: Callable[[], float] = perf_counter) -> None:
        """`clock` measures slices."""
        self._turn = asyncio.Lock()
        self._clock = clock

    async def run(self, work: Callable[[], T]) -> T:
        """Run the work in its own turn of the event loop, and return its result."""
        async with self._turn:
            done = work()
            await asyncio.sleep(0)  # under the lock: the next piece waits until other tasks had their turn
        return done

    async def map(self, items: Sequence[A], read: Callable[[A], B]) -> list[B]:
        """Read each item, in order. Work beyond one slice continues in further turns.

        The work on one item must be short: bound its size.
        """
        if len(items) <= 1:  # most often, and then no clock is needed
            return [read(each) for each in items]
        rest = iter(items)
        found = self._slice(rest, read)
        while len(found) < len(items):
            found += await self.run(partial(self._slice, rest, read))
        return found

    def _slice(self, rest: Iterator[A], read: Callable[[A], B]) -> list[B]:
        ends = self._clock() + SLICE_SECONDS
        found: list[B] = []
        for each in rest:
            found.append(read(each))
            if self._clock() >= ends:
                break
        return found

    def __repr__(self) -> str:
        """Whether any work is running."""
        return f"<LongWork {'busy' if self._turn.locked() else 'idle'}>"
