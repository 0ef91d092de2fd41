"""When work runs on the event loop: tasks that start immediately, and long work in slices."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


if sys.version_info >= (3, 12):

    def start_task(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start work as a task, and run it until it first waits.

        Work that never waits costs no turn of the event loop. Python 3.11 starts every task in the next turn.
        """
        return asyncio.Task(work, loop=asyncio.get_running_loop(), eager_start=True)

else:

    def start_task(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start work as a task, in the next turn of the event loop."""
        return asyncio.get_running_loop().create_task(work)


SLICE = 1000
"""Objects or keys that are processed before other requests get a turn: a few milliseconds of work."""


def iterate_slices(length: int) -> Iterator[slice]:
    """The slices of a sequence of this length."""
    return (slice(start, start + SLICE) for start in range(0, length, SLICE))
