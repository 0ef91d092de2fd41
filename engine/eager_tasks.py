"""Tasks that begin at once."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
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
