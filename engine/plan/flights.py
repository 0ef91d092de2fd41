"""Runs that are shared while they are under way: the same question, asked again before it is answered, is run once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from functools import partial
from typing import Generic, TypeVar

from engine.plan.begun import begun
from records.spans import Span

T = TypeVar("T")

_ALIKE = 1.0
"""Seconds by which the deadlines of callers who share a run may differ."""


class Flight(Generic[T]):
    """One run, and who waits for it."""

    __slots__ = ("span", "task", "until", "waiting")

    def __init__(self, task: asyncio.Task[T], until: float, span: Span | None) -> None:
        """Nobody waits yet. `until` is the run's deadline, on the clock of `time.monotonic`; it is part of `span`."""
        self.task = task
        self.until = until
        self.span = span
        self.waiting: set[asyncio.Future[T]] = set()


class Flights(Generic[T]):
    """The runs under way, by what they answer.

    A run belongs to nobody: whoever began it may leave, and the others still get the answer. When nobody waits any
    more, it is stopped.
    """

    def __init__(self) -> None:
        """Nothing is under way."""
        self._under_way: dict[Hashable, Flight[T]] = {}

    def __len__(self) -> int:
        """How many runs are under way."""
        return len(self._under_way)

    async def join(
        self,
        question: Hashable,
        run: Callable[[], Coroutine[None, None, T]],
        *,
        until: float = 0.0,
        span: Span | None = None,
    ) -> T:
        """The answer to the question: of the run that is under way, or of a new one.

        `until` is when the caller's patience ends. A run that ends much sooner or later than that is not joined: its
        answer would lack what the caller has time for, or come too late. What is told of the caller's `span` is that
        it waits for the run, whose own span belongs to whoever began it.
        """
        flight = self._under_way.get(question)
        if flight is None or abs(flight.until - until) > _ALIKE:
            task = begun(run())
            if task.done():  # nothing had to be waited for
                return self._landed_at_once(question, task, until, span)
            flight = self._under_way[question] = Flight(task, until, span)
            task.add_done_callback(partial(self._landed, question, flight))
        elif span is not None and flight.span is not None:
            span.link(flight.span)
        if flight.task.done():  # it landed in this very turn
            return flight.task.result()
        # A future for each who waits, no shield and no task: cancelling one of them is felt by nobody else.
        answer: asyncio.Future[T] = flight.task.get_loop().create_future()
        flight.waiting.add(answer)
        try:
            return await answer
        finally:
            flight.waiting.discard(answer)
            if not flight.waiting and not flight.task.done():
                self._gone(question, flight)  # nobody may join a run that is being stopped
                flight.task.cancel()

    def _landed_at_once(self, question: Hashable, task: asyncio.Task[T], until: float, span: Span | None) -> T:
        """The answer, which is also that of everybody who asks the same in this turn of the event loop.

        They asked at the same moment: what they sent was read before the run began, or while it ran.
        """
        answer = task.result()
        if question not in self._under_way:
            flight = self._under_way[question] = Flight(task, until, span)
            task.get_loop().call_soon(self._gone, question, flight)
        return answer

    def _landed(self, question: Hashable, flight: Flight[T], task: asyncio.Task[T]) -> None:
        """Hand the outcome to everybody who waits."""
        self._gone(question, flight)
        failure = None if task.cancelled() else task.exception()
        for answer in flight.waiting:
            if answer.done():  # cancelled in this very turn
                continue
            if task.cancelled():
                answer.cancel()
            elif failure is not None:
                answer.set_exception(failure)
            else:
                answer.set_result(task.result())

    def _gone(self, question: Hashable, flight: Flight[T]) -> None:
        if self._under_way.get(question) is flight:
            del self._under_way[question]
