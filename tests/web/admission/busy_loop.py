"""A simulated hub with one processor: an event loop on virtual time, on which work takes time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import ceil

from engine.execution.run_starts import RunStarts
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
    """Response time in seconds."""


@dataclass
class SimulatedHub:
    """Serves requests of a known cost, in steps with a call to an agency between two steps."""

    loop: VirtualLoop
    cost: float
    """Processor time of one request, in seconds."""
    steps: int
    agency_seconds: Callable[[float], float]
    """Response time of the agency in seconds, by arrival time of the request."""
    steal_ratio: float
    """Seconds that other programs use the processor, per second that the hub uses it."""
    has_queue: bool = False
    """Whether requests wait until few start in a turn of the loop, as public ones do."""
    answered: list[AnsweredRequest] = field(default_factory=list)
    refused: list[tuple[Urgency, float]] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._cpu_seconds = 0.0
        self.shedding = LoadShedder(max_lag=TARGET, clock=self.loop.time, cpu_clock=lambda: self._cpu_seconds)
        self._run_starts = RunStarts(clock=self.loop.time)
        self.shedding.add_queue(self._run_starts.get_wait)

    def work(self, seconds: float) -> None:
        """Block the loop, in seconds of processor time."""
        self._cpu_seconds += seconds
        self.loop.advance(seconds * (1 + self.steal_ratio))

    async def ask(self, urgency: Urgency, arrived_at: float) -> None:
        """Handle one request, including admission."""
        let_in = self.shedding.enter(self.loop.time()) or self.shedding.admit(urgency)
        if not let_in:
            self.work(REFUSAL_SECONDS)
            self.refused.append((urgency, arrived_at))
        else:
            serve = partial(self._serve, urgency, arrived_at)
            await (self._run_starts.run(serve) if self.has_queue else serve())
        self.shedding.leave(was_admitted=let_in)

    async def _serve(self, urgency: Urgency, arrived_at: float) -> None:
        for step in range(self.steps):
            if step:
                await asyncio.sleep(self.agency_seconds(arrived_at))
            self.work(self.cost / self.steps)
        self.answered.append(AnsweredRequest(urgency, arrived_at, self.loop.time() - arrived_at))

    def offer_load(self, offered: Mapping[Urgency, float], *, since: float = 0.0, until: float) -> None:
        """Schedule random requests, with a rate per second for each urgency."""
        for urgency, rate in offered.items():
            chance = random.Random(f"{urgency}{since}")  # noqa: S311 - seeded, for equal runs
            at = since + chance.expovariate(rate)
            while at < until:
                self.loop.call_at(at, self._start_request, urgency, at)
                at += chance.expovariate(rate)

    def _start_request(self, urgency: Urgency, at: float) -> None:
        task = self.loop.create_task(self.ask(urgency, at))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def run(self, until: float) -> None:
        """Run until the given time, and until all requests have finished."""

        async def ended() -> None:
            await asyncio.sleep(until - self.loop.time())
            while self._tasks:
                await asyncio.wait(self._tasks)

        self.loop.run(ended())

    def get_quantile(self, part: float = 0.99, *, since: float = 0.0, urgency: Urgency | None = None) -> float:
        """The quantile of response times in seconds, of requests that arrived since then."""
        times = sorted(each.seconds for each in self._select(since, urgency))
        return times[ceil(len(times) * part) - 1]

    def count_answered(self, *, since: float = 0.0, urgency: Urgency | None = None) -> int:
        """The number of answered requests that arrived since then."""
        return len(self._select(since, urgency))

    def count_refused(self, *, since: float = 0.0, urgency: Urgency | None = None) -> int:
        """The number of refused requests that arrived since then."""
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
    has_queue: bool = False,
) -> Iterator[SimulatedHub]:
    """A simulated hub on its own loop."""
    with virtual_loop() as loop:
        yield SimulatedHub(loop, cost, steps, agency_seconds, steal_ratio, has_queue)
