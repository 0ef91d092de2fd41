"""An event loop on virtual time on which work takes time: a hub with one processor, as far as overload is concerned."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil

from tests.engine.plan.clock import VirtualLoop, virtual_loop
from web.capacity import TARGET
from web.load import Urgency
from web.shedding import Shedding

REFUSING = 0.00005
"""Seconds that a refusal takes."""


@dataclass(frozen=True, slots=True)
class Done:
    """One request that was answered."""

    urgency: Urgency
    came: float
    took: float
    """Seconds."""


@dataclass
class Hub:
    """Requests of a cost that is known, each in steps between which an agency is waited for."""

    loop: VirtualLoop
    cost: float
    """Seconds of the processor that one request takes."""
    steps: int
    agency: Callable[[float], float]
    """Seconds that an agency takes, by when the request came."""
    stolen: float
    """Seconds for which others have the processor, for each that the hub has it."""
    answered: list[Done] = field(default_factory=list)
    refused: list[tuple[Urgency, float]] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._worked = 0.0
        self.shedding = Shedding(after=TARGET, clock=self.loop.time, worked=lambda: self._worked)

    def work(self, seconds: float) -> None:
        """Let nothing else run for so long."""
        self._worked += seconds
        self.loop.pass_by(seconds * (1 + self.stolen))

    async def ask(self, urgency: Urgency, came: float) -> None:
        """One request, from the door on."""
        let_in = self.shedding.enter(self.loop.time()) or self.shedding.let_in(urgency)
        if not let_in:
            self.work(REFUSING)
            self.refused.append((urgency, came))
        else:
            await self._serve(urgency, came)
        self.shedding.leave(let_in=let_in)

    async def _serve(self, urgency: Urgency, came: float) -> None:
        for step in range(self.steps):
            if step:
                await asyncio.sleep(self.agency(came))
            self.work(self.cost / self.steps)
        self.answered.append(Done(urgency, came, self.loop.time() - came))

    def offer(self, offered: Mapping[Urgency, float], *, since: float = 0.0, until: float) -> None:
        """So many requests a second of each urgency, at random, in that time."""
        for urgency, rate in offered.items():
            chance = random.Random(f"{urgency}{since}")  # noqa: S311 - the same each time
            at = since + chance.expovariate(rate)
            while at < until:
                self.loop.call_at(at, self._came, urgency, at)
                at += chance.expovariate(rate)

    def _came(self, urgency: Urgency, at: float) -> None:
        task = self.loop.create_task(self.ask(urgency, at))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def run(self, until: float) -> None:
        """Let the time pass, and what is under way end."""

        async def ended() -> None:
            await asyncio.sleep(until - self.loop.time())
            while self._tasks:
                await asyncio.wait(self._tasks)

        self.loop.run(ended())

    def slowest(self, part: float = 0.99, *, since: float = 0.0, urgency: Urgency | None = None) -> float:
        """Within how many seconds this part of those was answered who came later than that."""
        times = sorted(each.took for each in self._of(since, urgency))
        return times[ceil(len(times) * part) - 1]

    def count(self, *, since: float = 0.0, urgency: Urgency | None = None) -> int:
        """How many of those were answered."""
        return len(self._of(since, urgency))

    def count_refused(self, *, since: float = 0.0, urgency: Urgency | None = None) -> int:
        """How many of those were not."""
        return sum(came >= since and urgency in {None, of} for of, came in self.refused)

    def _of(self, since: float, urgency: Urgency | None) -> list[Done]:
        return [each for each in self.answered if each.came >= since and urgency in {None, each.urgency}]


@contextmanager
def hub(
    *,
    cost: float = 0.001,
    steps: int = 1,
    agency: Callable[[float], float] = lambda _came: 0.0,
    stolen: float = 0.0,
) -> Iterator[Hub]:
    """A hub on a loop of its own."""
    with virtual_loop() as loop:
        yield Hub(loop, cost, steps, agency, stolen)
