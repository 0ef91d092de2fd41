"""What a run still waits for: batches, facts, and long work that is done piece by piece."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from engine.batch import Batch
from engine.context import Context
from engine.plan.gather import Gather
from records.failures import AgencyTimeout


class Underway:
    """Counts what was begun and has not ended, until the deadline of the request.

    A fault of the hub in what follows from it ends the run, not the event loop's callback: it is raised where the run
    waits.
    """

    def __init__(self, gather: Gather, context: Context) -> None:
        """The context knows the deadline of the request."""
        self._gather = gather
        self._context = context
        self._open = 0
        self._settled: asyncio.Future[None] | None = None
        self._end: asyncio.TimerHandle | None = None
        self._crash: BaseException | None = None
        self._working = gather.elsewhere
        gather.waits = self._until_the_deadline

    async def all_settled(self) -> None:
        """Wait until everything is in place, or until the deadline of the request."""
        self._gather.dispatch()
        try:
            if self._open and self._crash is None:
                self._settled = asyncio.get_running_loop().create_future()
                await self._settled
        finally:
            self._settled = None
            if self._end is not None:
                self._end.cancel()
                self._end = None
        if self._crash is not None:
            raise self._crash

    def cancel(self) -> None:
        """Stop long work that nobody waits for any more."""
        for task in tuple(self._working):
            task.cancel()

    def begin(self) -> None:
        """One thing more to wait for."""
        self._open += 1

    def end(self, then: Callable[[], None] | None) -> None:
        """One thing less, after what follows from it."""
        try:
            if then is not None:
                then()
        except BaseException as crash:  # noqa: BLE001 - a fault of the hub ends the run, not the event loop's callback
            self._crash = crash
        self._close()

    def in_slices(self, work: Coroutine[Any, Any, None]) -> None:
        """Do what is long piece by piece, so that other requests get their turn in between."""
        self._open += 1
        task = asyncio.get_running_loop().create_task(work)
        self._working.add(task)
        self._until_the_deadline()
        task.add_done_callback(self._sliced)

    def _sliced(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        if not task.cancelled():
            crash = task.exception()  # also of a second one: asyncio reports an exception that is never read
            self._crash = self._crash or crash  # a fault of the hub ends the run
            self._close()

    def _close(self) -> None:
        """One thing less to wait for."""
        self._open -= 1
        if (not self._open or self._crash is not None) and self._settled is not None and not self._settled.done():
            self._settled.set_result(None)

    def _until_the_deadline(self) -> None:
        """End what is under way at the deadline of the request. Most that is at hand is in place long before."""
        if self._end is None:
            remaining = self._context.ask(frozenset()).call.remaining()
            self._end = asyncio.get_running_loop().call_later(remaining, self._gather.end, _too_late)


def _too_late(batch: Batch[Any, Any]) -> AgencyTimeout:
    return AgencyTimeout(batch.agency or "hub", "no answer before the deadline of the request")
