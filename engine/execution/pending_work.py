"""What a run waits for: batches, facts, and long work in slices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from engine.batch import Batch, ExecutionContext
from engine.execution.batch_scheduler import BatchScheduler
from records.calls.failures import AgencyTimeout


class PendingWork:
    """Counts the unfinished work of one run, and stops it at the deadline of the request.

    Work goes on in callbacks of the event loop, where an exception would only be logged. So an exception of the hub is
    kept, and raised where the run waits.
    """

    def __init__(self, scheduler: BatchScheduler, context: ExecutionContext) -> None:
        """Takes the context, whose call has the deadline of the request."""
        self._scheduler = scheduler
        self._context = context
        self._count = 0
        self._done: asyncio.Future[None] | None = None
        self._deadline_timer: asyncio.TimerHandle | None = None
        self._exception: BaseException | None = None
        """The first exception of the hub; later ones usually follow from it."""
        scheduler.on_wait = self._watch_deadline

    async def wait(self) -> None:
        """Wait until no work is left, or until the deadline of the request; raises an exception of the work."""
        # The fields so far have requested their keys. If all batches answer immediately, there is nothing to wait for.
        self._scheduler.dispatch()
        try:
            if self._count and self._exception is None:
                self._done = asyncio.get_running_loop().create_future()
                await self._done
        finally:
            self._done = None
            if self._deadline_timer is not None:
                self._deadline_timer.cancel()
                self._deadline_timer = None
        if self._exception is not None:
            raise self._exception

    def cancel(self) -> None:
        """Cancel the tasks that still run when the run ends."""
        for task in tuple(self._scheduler.other_tasks):
            task.cancel()

    def begin(self) -> None:
        """Increment the counter of unfinished work."""
        self._count += 1

    def end(self, resume: Callable[..., None] | None, *arguments: object) -> None:
        """Run `resume` with these arguments, then decrement the counter."""
        try:  # first: `resume` may begin more work, and the counter must not drop to zero in between
            if resume is not None:
                resume(*arguments)
        except BaseException as exception:  # noqa: BLE001 - raised by `wait`
            self._exception = self._exception or exception
        self._finish_one()

    def run_as_task(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run long work as a task. It yields between its slices, so that other requests get their turn."""
        self._count += 1
        task = asyncio.get_running_loop().create_task(coroutine)
        # The scheduler knows these tasks, too: while one runs, it may request more keys for a pending call.
        self._scheduler.other_tasks.add(task)
        self._watch_deadline()
        task.add_done_callback(self._finish_task)

    def _finish_task(self, task: asyncio.Task[None]) -> None:
        self._scheduler.other_tasks.discard(task)
        if not task.cancelled():
            exception = task.exception()  # read a later one, too: asyncio reports exceptions that are never retrieved
            self._exception = self._exception or exception
            self._finish_one()

    def _finish_one(self) -> None:
        self._count -= 1
        if (not self._count or self._exception is not None) and self._done is not None and not self._done.done():
            self._done.set_result(None)

    def _watch_deadline(self) -> None:
        """Start the timer of the deadline; runs that never wait need none."""
        if self._deadline_timer is None:
            remaining = self._context.call.remaining()
            self._deadline_timer = asyncio.get_running_loop().call_later(
                remaining, self._scheduler.stop, self._build_deadline_failure
            )

    def _build_deadline_failure(self, batch: Batch[Any, Any]) -> AgencyTimeout:
        codes = self._context.build_batch_context(frozenset()).agencies.codes
        return AgencyTimeout(codes.describe(batch.domain), "no answer before the deadline of the request")
