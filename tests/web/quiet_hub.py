"""A hub on virtual time, whose processor meter shows what a test puts into it: idle times, other work, a quota."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf

from tests.engine.plan.clock import VirtualLoop, virtual_loop
from web.load import Urgency
from web.shedding import Shedding

ROUND_TRIP = 0.0002
"""Seconds from an answer to the client's next request."""


class QuietHub:
    """Requests of a known cost through the real `Shedding`."""

    def __init__(self, loop: VirtualLoop, *, used: float) -> None:
        """Begin with a meter that already shows the given seconds, as after the imports of a start."""
        self.loop = loop
        self.answered = self.refused = 0
        self.used = used
        """Seconds of the processor."""
        self._runs, self._stands, self._left = inf, 0.0, inf
        self.shedding = Shedding(after=0.1, clock=loop.time, worked=lambda: self.used)

    def under_quota(self, *, runs: float, stands: float) -> None:
        """From now on alternate between running and standing still for the given seconds."""
        self._runs, self._stands, self._left = runs, stands, runs

    def work(self, seconds: float) -> None:
        """Use the processor, and let nothing else run."""
        self.used += seconds
        while seconds >= self._left:
            self.loop.pass_by(self._left + self._stands)
            seconds, self._left = seconds - self._left, self._runs
        self._left -= seconds
        self.loop.pass_by(seconds)

    async def pause(self, seconds: float, *, idle: float) -> None:
        """Pass the given seconds without a request; the hub's own upkeep uses some processor time."""
        await asyncio.sleep(seconds)
        self.used += idle

    async def ask(self, cost: float, *, agency: float = 0.0) -> None:
        """One request, which may wait for an agency in its midst."""
        shedding = self.shedding
        let_in = shedding.enter(self.loop.time()) or shedding.let_in(Urgency.ANONYMOUS)
        if let_in:
            self.work(cost / 2)
            if agency:
                await asyncio.sleep(agency)
            self.work(cost / 2)
        self.answered += let_in
        self.refused += not let_in
        shedding.leave(let_in=let_in)

    async def one_after_the_other(self, count: int, cost: float) -> None:
        """The given number of requests of one client."""
        for _ in range(count):
            await self.loop.create_task(self.ask(cost))
            await asyncio.sleep(ROUND_TRIP)

    async def together(self, count: int, cost: float, *, agency: float = 0.0) -> None:
        """The given number of concurrent requests."""
        await asyncio.gather(*(self.ask(cost, agency=agency) for _ in range(count)))

    async def clients(self, count: int, each: int, cost: float) -> None:
        """The given number of clients, each with one request after the other."""
        await asyncio.gather(*(self.one_after_the_other(each, cost) for _ in range(count)))


@contextmanager
def quiet_hub(*, used: float = 0.0) -> Iterator[QuietHub]:
    """A hub on a loop of its own."""
    with virtual_loop() as loop:
        yield QuietHub(loop, used=used)
