"""A hub on virtual time whose processor time a test sets: idle times, other work, a processor quota."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf

from tests.fakes.virtual_loop import VirtualLoop, virtual_loop
from web.admission.load import Urgency
from web.admission.load_shedder import LoadShedder

ROUND_TRIP = 0.0002
"""Seconds from an answer to the client's next request."""


class IdleHub:
    """Requests of a known cost through the real `LoadShedder`."""

    def __init__(self, loop: VirtualLoop, *, cpu_seconds: float) -> None:
        """Takes the processor time at the start, in seconds: imports use some."""
        self.loop = loop
        self.answered = self.refused = 0
        self.cpu_seconds = cpu_seconds
        """Processor time, in seconds."""
        self._runs, self._stands, self._left = inf, 0.0, inf
        self.shedding = LoadShedder(max_lag=0.1, clock=loop.time, cpu_clock=lambda: self.cpu_seconds)

    def set_quota(self, *, runs: float, pauses: float) -> None:
        """From now on, alternate between running and pausing, in seconds."""
        self._runs, self._stands, self._left = runs, pauses, runs

    def work(self, seconds: float) -> None:
        """Use the processor and block the loop."""
        self.cpu_seconds += seconds
        while seconds >= self._left:
            self.loop.advance(self._left + self._stands)
            seconds, self._left = seconds - self._left, self._runs
        self._left -= seconds
        self.loop.advance(seconds)

    async def pause(self, seconds: float, *, idle: float) -> None:
        """Pass the given seconds without a request; the hub's own upkeep uses some processor time."""
        await asyncio.sleep(seconds)
        self.cpu_seconds += idle

    async def ask(self, cost: float, *, agency: float = 0.0) -> None:
        """One request, which may call an agency halfway."""
        shedding = self.shedding
        let_in = shedding.enter(self.loop.time()) or shedding.admit(Urgency.ANONYMOUS)
        if let_in:
            self.work(cost / 2)
            if agency:
                await asyncio.sleep(agency)
            self.work(cost / 2)
        self.answered += let_in
        self.refused += not let_in
        shedding.leave(was_admitted=let_in)

    async def ask_sequentially(self, count: int, cost: float) -> None:
        """The given number of requests of one client."""
        for _ in range(count):
            await self.loop.create_task(self.ask(cost))
            await asyncio.sleep(ROUND_TRIP)

    async def ask_concurrently(self, count: int, cost: float, *, agency: float = 0.0) -> None:
        """The given number of concurrent requests."""
        await asyncio.gather(*(self.ask(cost, agency=agency) for _ in range(count)))

    async def run_clients(self, count: int, each: int, cost: float) -> None:
        """The given number of clients, each with one request after the other."""
        await asyncio.gather(*(self.ask_sequentially(each, cost) for _ in range(count)))


@contextmanager
def simulate_idle_hub(*, cpu_seconds: float = 0.0) -> Iterator[IdleHub]:
    """A hub on its own loop."""
    with virtual_loop() as loop:
        yield IdleHub(loop, cpu_seconds=cpu_seconds)
