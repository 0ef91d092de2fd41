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
        """Takes the context, which has the deadline of the request."""
        self._scheduler = scheduler
        self._context = context
        self._count = 0
        self._done: asyncio.Future[None] | None = None
        self._deadline_timer: asyncio.TimerHandle | None = None
        self._crash: BaseException | None = None
        self._slice_tasks = scheduler.other_tasks
        scheduler.on_wait = self._watch_deadline

    async def wait(self) -> None:
        """Wait until no work is left, or until the deadline of the request; raises an exception of the work."""
        # The fields so far have requested their keys. If all batches answer immediately, there is nothing to wait for.
        self._scheduler.dispatch()
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
        """Cancel work in slices, when the run ends without it."""
        for task in tuple(self._slice_tasks):
            task.cancel()

    def begin(self) -> None:
        """Count one more piece of work."""
        self._count += 1

    def end(self, resume: Callable[[], None] | None) -> None:
        """Count one piece of work less, after the work that follows from it."""
        try:  # before the count: `resume` may begin more work, and the count must not drop to zero in between
            if resume is not None:
                resume()
        except BaseException as crash:  # noqa: BLE001 - raised by `wait`
            self._crash = crash
        self._finish_one()

    def run_in_slices(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run long work as a task. It yields between its slices, so that other requests get their turn."""
        self._count += 1
        task = asyncio.get_running_loop().create_task(coroutine)
        self._slice_tasks.add(task)
        self._watch_deadline()
        task.add_done_callback(self._finish_slices)

    def _finish_slices(self, task: asyncio.Task[None]) -> None:
        self._slice_tasks.discard(task)
        if not task.cancelled():
            crash = task.exception()  # read a second one, too: asyncio reports exceptions that are never retrieved
            self._crash = self._crash or crash
            self._finish_one()

    def _finish_one(self) -> None:
        self._count -= 1
        if (not self._count or self._crash is not None) and self._done is not None and not self._done.done():
            self._done.set_result(None)

    def _watch_deadline(self) -> None:
        """Start the timer of the deadline; runs that never wait need none."""
        if self._deadline_timer is None:
            remaining = self._context.build_batch_context(frozenset()).call.remaining()
            self._deadline_timer = asyncio.get_running_loop().call_later(
                remaining, self._scheduler.stop, _build_deadline_failure
            )


def _build_deadline_failure(batch: Batch[Any, Any]) -> AgencyTimeout:
    return AgencyTimeout(batch.agency or "hub", "no answer before the deadline of the request")
