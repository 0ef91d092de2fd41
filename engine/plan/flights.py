"""Runs that are shared while they are under way: the same question, asked again before it is answered, is run once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_ALIKE = 1.0
"""Seconds by which the deadlines of callers who share a run may differ."""


@dataclass(eq=False)
class Flight(Generic[T]):
    """One run, and how many wait for it."""

    task: asyncio.Task[T]
    until: float
    """Its deadline, on the clock of `time.monotonic`."""
    waiting: int = 0


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

    async def join(self, question: Hashable, run: Callable[[], Coroutine[Any, Any, T]], *, until: float = 0.0) -> T:
        """The answer to the question: of the run that is under way, or of a new one.

        `until` is when the caller's patience ends. A run that ends much sooner or later than that is not joined: its
        answer would lack what the caller has time for, or come too late.
        """
        flight = self._under_way.get(question)
        if flight is None or abs(flight.until - until) > _ALIKE:
            flight = self._begun(question, run, until)
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._landed(question, flight)  # nobody may join a run that is being stopped
                flight.task.cancel()

    def _begun(self, question: Hashable, run: Callable[[], Coroutine[Any, Any, T]], until: float) -> Flight[T]:
        flight = self._under_way[question] = Flight(asyncio.create_task(run()), until)
        flight.task.add_done_callback(lambda _task: self._landed(question, flight))
        return flight

    def _landed(self, question: Hashable, flight: Flight[T]) -> None:
        if self._under_way.get(question) is flight:
            del self._under_way[question]
