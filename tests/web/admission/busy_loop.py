"""An event loop on virtual time on which work takes time: a hub with one processor, as far as overload is concerned."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil

from tests.fakes.virtual_loop import VirtualLoop, virtual_loop
from web.admission.adaptive_capacity import TARGET
from web.admission.load import Urgency
from web.admission.load_shedder import LoadShedder

REFUSAL_SECONDS = 0.00005
"""Seconds that a refusal takes."""


@dataclass(frozen=True, slots=True)
class AnsweredRequest:
    """One request that was answered."""

    urgency: Urgency
    arrived_at: float
    seconds: float
    """Seconds."""


@dataclass
class SimulatedHub:
    """Requests of a cost that is known, each in steps between which an agency is waited for."""

    loop: VirtualLoop
    cost: float
    """Seconds of the processor that one request takes."""
    steps: int
    agency_seconds: Callable[[float], float]
    """Seconds that an agency takes, by when the request came."""
    steal_ratio: float
    """Seconds for which others have the processor, for each that the hub has it."""
    answered: list[AnsweredRequest] = field(default_factory=list)
    refused: list[tuple[Urgency, float]] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._cpu_seconds = 0.0
        self.shedding = LoadShedder(max_lag=TARGET, clock=self.loop.time, cpu_clock=lambda: self._cpu_seconds)

    def work(self, seconds: float) -> None:
        """Let nothing else run for so long."""
        self._cpu_seconds += seconds
        self.loop.advance(seconds * (1 + self.steal_ratio))

    async def ask(self, urgency: Urgency, arrived_at: float) -> None:
        """One request, from the door on."""
        let_in = self.shedding.enter(self.loop.time()) or self.shedding.admit(urgency)
        if not let_in:
            self.work(REFUSAL_SECONDS)
            self.refused.append((urgency, arrived_at))
        else:
            await self._serve(urgency, arrived_at)
        self.shedding.leave(was_admitted=let_in)

    async def _serve(self, urgency: Urgency, arrived_at: float) -> None:
        for step in range(self.steps):
            if step:
                await asyncio.sleep(self.agency_seconds(arrived_at))
            self.work(self.cost / self.steps)
        self.answered.append(AnsweredRequest(urgency, arrived_at, self.loop.time() - arrived_at))

    def offer_load(self, offered: Mapping[Urgency, float], *, since: float = 0.0, until: float) -> None:
        """So many requests a second of each urgency, at random, in that time."""
        for urgency, rate in offered.items():
            chance = random.Random(f"{urgency}{since}")  # noqa: S311 - the same each time
            at = since + chance.expovariate(rate)
            while at < until:
                self.loop.call_at(at, self._start_request, urgency, at)
                at += chance.expovariate(rate)

    def _start_request(self, urgency: Urgency, at: float) -> None:
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

    def get_quantile(self, part: float = 0.99, *, since: float = 0.0, urgency: Urgency | None = None) -> float:
        """Within how many seconds this part of those was answered who came later than that."""
        times = sorted(each.seconds for each in self._select(since, urgency))
        return times[ceil(len(times) * part) - 1]

    def count_answered(self, *, since: float = 0.0, urgency: Urgency | None = None) -> int:
        """How many of those were answered."""
        return len(self._select(since, urgency))

    def count_refused(self, *, since: float = 0.0, urgency: Urgency | None = None) -> int:
        """How many of those were not."""
        return sum(came >= since and urgency in {None, of} for of, came in self.refused)

    def _select(self, since: float, urgency: Urgency | None) -> list[AnsweredRequest]:
        return [each for each in self.answered if each.arrived_at >= since and urgency in {None, each.urgency}]


@contextmanager
def simulate_hub(
    *,
    cost: float = 0.001,
    steps: int = 1,
    agency_seconds: Callable[[float], float] = lambda _came: 0.0,
    steal_ratio: float = 0.0,
) -> Iterator[SimulatedHub]:
    """A hub on a loop of its own."""
    with virtual_loop() as loop:
        yield SimulatedHub(loop, cost, steps, agency_seconds, steal_ratio)
