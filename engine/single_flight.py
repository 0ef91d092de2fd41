"""Runs that are shared while they are under way: the same question, asked again before it is answered, is run once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from functools import partial
from typing import Generic, TypeVar

from engine.event_loop import start_task
from records.calls.spans import Span

T = TypeVar("T")

_MAX_DEADLINE_DIFFERENCE = 1.0
"""Seconds by which the deadlines of callers who share a run may differ."""


class SharedRun(Generic[T]):
    """One run, and who waits for it."""

    __slots__ = ("deadline", "span", "task", "waiting")

    def __init__(self, task: asyncio.Task[T], deadline: float, span: Span | None) -> None:
        """Nobody waits yet. `deadline` is the run's, on the clock of `time.monotonic`; it is part of `span`."""
        self.task = task
        self.deadline = deadline
        self.span = span
        self.waiting: set[asyncio.Future[T]] = set()


class SingleFlight(Generic[T]):
    """The runs under way, by what they answer.

    A run belongs to nobody: whoever began it may leave, and the others still get the answer. When nobody waits any
    more, it is stopped.
    """

    def __init__(self) -> None:
        """Nothing is under way."""
        self._runs: dict[Hashable, SharedRun[T]] = {}

    def __len__(self) -> int:
        """How many runs are under way."""
        return len(self._runs)

    async def run(
        self,
        key: Hashable,
        run: Callable[[], Coroutine[None, None, T]],
        *,
        deadline: float = 0.0,
        span: Span | None = None,
    ) -> T:
        """The answer to the question: of the run that is under way, or of a new one.

        `deadline` is when the caller's patience ends. A run that ends much sooner or later than that is not joined: its
        answer would lack what the caller has time for, or come too late. What is told of the caller's `span` is that
        it waits for the run, whose own span belongs to whoever began it.
        """
        shared_run = self._runs.get(key)
        if shared_run is None or abs(shared_run.deadline - deadline) > _MAX_DEADLINE_DIFFERENCE:
            task = start_task(run())
            if task.done():  # nothing had to be waited for
                return self._share_within_turn(key, task, deadline, span)
            shared_run = self._runs[key] = SharedRun(task, deadline, span)
            task.add_done_callback(partial(self._deliver, key, shared_run))
        elif span is not None and shared_run.span is not None:
            span.add_link(shared_run.span)
        if shared_run.task.done():  # it landed in this very turn
            return shared_run.task.result()
        # A future for each who waits, no shield and no task: cancelling one of them is felt by nobody else.
        answer: asyncio.Future[T] = shared_run.task.get_loop().create_future()
        shared_run.waiting.add(answer)
        try:
            return await answer
        finally:
            shared_run.waiting.discard(answer)
            if not shared_run.waiting and not shared_run.task.done():
                self._remove(key, shared_run)  # nobody may join a run that is being stopped
                shared_run.task.cancel()

    def _share_within_turn(self, key: Hashable, task: asyncio.Task[T], deadline: float, span: Span | None) -> T:
        """The answer, which is also that of everybody who asks the same in this turn of the event loop.

        They asked at the same moment: what they sent was read before the run began, or while it ran.
        """
        answer = task.result()
        if key not in self._runs:
            shared_run = self._runs[key] = SharedRun(task, deadline, span)
            task.get_loop().call_soon(self._remove, key, shared_run)
        return answer

    def _deliver(self, key: Hashable, shared_run: SharedRun[T], task: asyncio.Task[T]) -> None:
        """Hand the outcome to everybody who waits."""
        self._remove(key, shared_run)
        failure = None if task.cancelled() else task.exception()
        for answer in shared_run.waiting:
            if answer.done():  # cancelled in this very turn
                continue
            if task.cancelled():
                answer.cancel()
            elif failure is not None:
                answer.set_exception(failure)
            else:
                answer.set_result(task.result())

    def _remove(self, key: Hashable, shared_run: SharedRun[T]) -> None:
        if self._runs.get(key) is shared_run:
            del self._runs[key]
