"""What a run still waits for: batches, facts, and long work that is done piece by piece."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from engine.batch import Batch, ExecutionContext
from engine.execution.batch_scheduler import BatchScheduler
from records.calls.failures import AgencyTimeout


class PendingWork:
    """Counts what was begun and has not ended, until the deadline of the request.

    A fault of the hub in what follows from it ends the run, not the event loop's callback: it is raised where the run
    waits.
    """

    def __init__(self, scheduler: BatchScheduler, context: ExecutionContext) -> None:
        """The context knows the deadline of the request."""
        self._gather = scheduler
        self._context = context
        self._count = 0
        self._done: asyncio.Future[None] | None = None
        self._deadline_timer: asyncio.TimerHandle | None = None
        self._crash: BaseException | None = None
        self._slice_tasks = scheduler.other_tasks
        scheduler.on_wait = self._watch_deadline

    async def wait(self) -> None:
        """Wait until everything is in place, or until the deadline of the request."""
        self._gather.dispatch()
        try:
            if self._count and self._crash is None:
                self._done = asyncio.get_running_loop().create_future()
                await self._done
        finally:
            self._done = None
            if self._deadline_timer is not None:
                self._deadline_timer.cancel()
                self._deadline_timer = None
        if self._crash is not None:
            raise self._crash

    def cancel(self) -> None:
        """Stop long work that nobody waits for any more."""
        for task in tuple(self._slice_tasks):
            task.cancel()

    def begin(self) -> None:
        """One thing more to wait for."""
        self._count += 1

    def end(self, resume: Callable[[], None] | None) -> None:
        """One thing less, after what follows from it."""
        try:
            if resume is not None:
                resume()
        except BaseException as crash:  # noqa: BLE001 - a fault of the hub ends the run, not the event loop's callback
            self._crash = crash
        self._finish_one()

    def run_in_slices(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Do what is long piece by piece, so that other requests get their turn in between."""
        self._count += 1
        task = asyncio.get_running_loop().create_task(coroutine)
        self._slice_tasks.add(task)
        self._watch_deadline()
        task.add_done_callback(self._finish_slices)

    def _finish_slices(self, task: asyncio.Task[None]) -> None:
        self._slice_tasks.discard(task)
        if not task.cancelled():
            crash = task.exception()  # also of a second one: asyncio reports an exception that is never read
            self._crash = self._crash or crash  # a fault of the hub ends the run
            self._finish_one()

    def _finish_one(self) -> None:
        """One thing less to wait for."""
        self._count -= 1
        if (not self._count or self._crash is not None) and self._done is not None and not self._done.done():
            self._done.set_result(None)

    def _watch_deadline(self) -> None:
        """End what is under way at the deadline of the request. Most that is at hand is in place long before."""
        if self._deadline_timer is None:
            remaining = self._context.build_batch_context(frozenset()).call.remaining()
            self._deadline_timer = asyncio.get_running_loop().call_later(
                remaining, self._gather.stop, _build_deadline_failure
            )


def _build_deadline_failure(batch: Batch[Any, Any]) -> AgencyTimeout:
    return AgencyTimeout(batch.agency or "hub", "no answer before the deadline of the request")
