"""When work runs on the event loop: tasks that start immediately, and long work in slices."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


if sys.version_info >= (3, 12):

    def start_task(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """The work as a task. What it does before it waits for anything is done when this returns.

        Work that never waits costs no turn of the event loop. Python 3.11 begins every task in the next turn.
        """
        return asyncio.Task(work, loop=asyncio.get_running_loop(), eager_start=True)

else:

    def start_task(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """The work as a task, which begins in the next turn of the event loop."""
        return asyncio.get_running_loop().create_task(work)


SLICE = 1000
"""Objects that are shaped, or keys that are looked at, in one piece: a few milliseconds of work."""


def iterate_slices(length: int) -> Iterator[slice]:
    """The pieces of so many things."""
    return (slice(start, start + SLICE) for start in range(0, length, SLICE))
