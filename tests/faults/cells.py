"""What goes wrong in a fault run, one thing at a time, and what callers got meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from time import monotonic
from typing import Any, Final

import aiohttp

from cli.hub_environment import SANDBOX_TERMS
from connectors.policies.terms import agency_terms
from sandbox.faults import OF_HTTP, Kind
from tests.faults.answers import Answer, Outcome
from tests.faults.load import Load
from tests.faults.questions import AGENCIES, OF_ONE, Question
from tests.faults.world import STATE_RELAY, WORKERS, World

WORKER: Final = "a worker of the hub"
STATE: Final = "PostgreSQL of the hub"
OF_SQL: Final = frozenset({"dukcapil", "jakpreneur"})
SLOW: Final = frozenset({Kind.HALF_OPEN, Kind.LATENCY, Kind.DRIP})
"""What is noticed only when a deadline has passed, so that it takes longer to see what becomes of it."""
RECOVERED_WITHIN_S: Final = 20.0
_IN_A_ROW: Final = 5
_LOOK_EVERY_S: Final = 0.1
_SECONDS: Final = {Kind.DRIP: 0.05, Kind.THROTTLED: 2.0}


@cache
def deadline_of(agency: str) -> float:
    """Seconds that the terms of the sandbox city give an agency."""
    deadline = getattr(agency_terms(SANDBOX_TERMS), agency).deadline
    assert isinstance(deadline, float)
    return deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One agency, and one way in which it fails."""

    agency: str
    kind: Kind
    healthy: float
    """Seconds that are looked at before."""
    lasts: float
    """Seconds for which it fails."""

    @property
    def fault(self) -> Mapping[str, Any]:
        """What the relay is told: late answers come within the agency's deadline, and take half of it."""
        late = deadline_of(self.agency) / 2
        return {"kind": self.kind.value, "seconds": _SECONDS.get(self.kind, late)}

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.agency}: {self.kind.value}"


def every_cell(relayed: Sequence[str], *, quick: bool = False) -> list[Cell]:
    """Each way to fail of each agency; in a quick run two of each."""
    found = []
    for agency in AGENCIES:
        kinds = [kind for kind in Kind if not (kind in OF_HTTP and agency in OF_SQL)]
        if agency not in relayed:
            continue
        if quick:
            kinds = list(_QUICK[agency])
        for kind in kinds:
            lasts = (deadline_of(agency) if kind in SLOW else 0.0) + (2.0 if quick else 3.5)
            found.append(Cell(agency=agency, kind=kind, healthy=1.0 if quick else 1.5, lasts=lasts))
    return found


_QUICK: Final = {
    "dukcapil": (Kind.HALF_OPEN, Kind.RESET),
    "jakpreneur": (Kind.HALF_OPEN, Kind.GARBAGE),
    "pbb": (Kind.HALF_OPEN, Kind.TRUNCATED),
    "crm": (Kind.DRIP, Kind.ERROR),
    "pangan": (Kind.LATENCY, Kind.THROTTLED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the callers of one hub got around one fault."""

    needed: Sequence[Answer]
    """While it failed, to questions that need what failed."""
    others: Sequence[Answer]
    """While it failed, to all other questions."""
    needed_before: Sequence[Answer]
    others_before: Sequence[Answer]
    after: Sequence[Answer]
    """From the end of the fault until all was well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One thing that went wrong."""

    name: str
    part: str
    """What failed: an agency, or something of the hub's own."""
    kind: str

    @property
    def agency(self) -> str | None:
        """The agency that failed; None where it was something else."""
        return self.part if self.part in AGENCIES else None

    lasted: float
    """Seconds."""
    struck: int | None
    """Exchanges that went wrong, where that is counted."""
    recovery: float | None
    """Seconds from the end of the fault until all was well; None: not within the time it may take."""
    hubs: Mapping[str, Seen]


@dataclass(slots=True, kw_only=True)
class Run:
    """The whole run: what is asked, and what came of it."""

    world: World
    session: aiohttp.ClientSession
    loads: Mapping[str, Load]
    results: list[Result] = field(default_factory=list)

    async def agency_fails(self, cell: Cell) -> Result:
        """One cell of the matrix."""
        question = OF_ONE[cell.agency]
        before = (await self._struck()).get(cell.agency, 0)
        for load in self.loads.values():
            load.favoured = question

        @asynccontextmanager
        async def failing() -> AsyncIterator[None]:
            await self.world.strike(self.session, cell.agency, cell.fault)
            try:
                yield
            finally:
                await self.world.heal(self.session, cell.agency)

        recovery, hubs = await self._around(
            failing, cell.healthy, cell.lasts, lambda each: cell.agency in each.agencies, lambda: self._well(question)
        )
        struck = (await self._struck())[cell.agency] - before
        for load in self.loads.values():
            load.favoured = None
        return self._kept(
            Result(
                name=cell.name,
                part=cell.agency,
                kind=cell.kind.value,
                lasted=cell.lasts,
                struck=struck,
                recovery=recovery,
                hubs=hubs,
            )
        )

    async def valkey_dies(self, *, lasts: float) -> Result:
        """Valkey is killed, and started again."""

        @asynccontextmanager
        async def dead() -> AsyncIterator[None]:
            self.world.valkey.crash()
            try:
                yield
            finally:
                self.world.valkey.start()

        found = await self._around(dead, 1.5, lasts, lambda _: True, self._together)
        return self._own("Redis", "killed and started again", lasts, found)

    async def valkey_falls_silent(self, *, lasts: float) -> Result:
        """Valkey holds its connections, takes new ones, and answers nothing."""

        @asynccontextmanager
        async def silent() -> AsyncIterator[None]:
            with self.world.valkey.frozen():
                yield

        found = await self._around(silent, 1.5, lasts, lambda _: True, self._together)
        return self._own("Redis", Kind.HALF_OPEN.value, lasts, found)

    async def database_dies(self, *, lasts: float) -> Result:
        """The hub's own PostgreSQL is killed, and started again."""

        @asynccontextmanager
        async def dead() -> AsyncIterator[None]:
            self.world.kill_postgres()
            try:
                yield
            finally:
                await self.world.revive_postgres()

        question = OF_ONE["dukcapil"]
        found = await self._around(
            dead, 1.5, lasts, lambda each: each.caller in {"citizen", "official"}, lambda: self._well(question)
        )
        return self._own(STATE, "killed and started again", lasts, found)

    async def database_falls_silent(self, *, lasts: float) -> Result:
        """The hub's own PostgreSQL is there and nobody hears of it; what was connected stays silent for good."""

        @asynccontextmanager
        async def silent() -> AsyncIterator[None]:
            await self.world.strike(self.session, STATE_RELAY, {"kind": Kind.HALF_OPEN.value})
            try:
                yield
            finally:
                await self.world.heal(self.session, STATE_RELAY)

        question = OF_ONE["dukcapil"]
        found = await self._around(
            silent, 1.5, lasts, lambda each: each.caller in {"citizen", "official"}, lambda: self._well(question)
        )
        return self._own(STATE, Kind.HALF_OPEN.value, lasts, found)

    async def worker_dies(self, *, lasts: float) -> Result:
        """One worker of each hub is killed; its hub starts another by itself."""

        @asynccontextmanager
        async def killed() -> AsyncIterator[None]:
            for hub in self.world.hubs.values():
                os.kill(hub.workers[0], signal.SIGKILL)
            yield

        async def whole() -> bool:
            enough = all(len(hub.workers) == WORKERS for hub in self.world.hubs.values())
            return enough and await self._well(OF_ONE["dukcapil"])

        found = await self._around(killed, 1.5, lasts, lambda _: True, whole, mends_itself=True)
        return self._own(WORKER, "killed", lasts, found)

    def _own(self, part: str, kind: str, lasted: float, found: tuple[float | None, Mapping[str, Seen]]) -> Result:
        recovery, hubs = found
        name = f"{part}: {kind}"
        return self._kept(
            Result(name=name, part=part, kind=kind, lasted=lasted, struck=None, recovery=recovery, hubs=hubs)
        )

    def _kept(self, result: Result) -> Result:
        self.results.append(result)
        return result

    async def _around(
        self,
        failing: Callable[[], Any],
        healthy: float,
        lasts: float,
        needs: Callable[[Question], bool],
        well: Callable[[], Awaitable[bool]],
        *,
        mends_itself: bool = False,
    ) -> tuple[float | None, Mapping[str, Seen]]:
        """Look, let it fail, look, let it be well again, and look until it is.

        How long that takes is counted from the end of the fault; of what mends itself, from its beginning.
        """
        began = monotonic()
        await asyncio.sleep(healthy)
        async with failing():
            struck = monotonic()
            mending = asyncio.ensure_future(_until(well, struck)) if mends_itself else None
            await asyncio.sleep(lasts)
            ends = monotonic()
        healed = monotonic()
        recovery = await (mending or _until(well, healed))
        await self._answered(healed)
        over = monotonic()
        # All that was asked may have met the same worker: the next fault begins when none leaves an agency alone.
        await _until(self._nobody_left_alone, over)
        hubs = {
            name: Seen(
                needed=[each for each in load.between(struck, ends) if needs(each.question)],
                others=[each for each in load.between(struck, ends) if not needs(each.question)],
                needed_before=[each for each in load.between(began, struck) if needs(each.question)],
                others_before=[each for each in load.between(began, struck) if not needs(each.question)],
                after=load.between(healed, over),
            )
            for name, load in self.loads.items()
        }
        return recovery, hubs

    async def _well(self, question: Question) -> bool:
        """Whether the question is answered whole by every hub."""
        answers = await asyncio.gather(*(load.ask(question) for load in self.loads.values()))
        return all(each.outcome is Outcome.FULL for each in answers)

    async def _nobody_left_alone(self) -> bool:
        """Whether no process of any hub has a breaker that is not closed."""
        for hub in self.world.hubs.values():
            async with self.session.get(f"{hub.url}/metrics") as response:
                told = (await response.text()).splitlines()
            states = [line for line in told if line.startswith("simpul_agency_breaker_state{")]
            if not states:
                raise ValueError(f"{hub.name} tells of no breakers: HTTP {response.status}")
            if any('state="closed"' not in line and not line.endswith(" 0.0") for line in states):
                return False
        return True

    async def _together(self) -> bool:
        """Whether every hub says that its processes keep answers together, where it keeps any."""
        return await self._says_ready(lambda body: body.get("kept", "together") == "together")

    async def _says_ready(self, holds: Callable[[Mapping[str, Any]], bool]) -> bool:
        for hub in self.world.hubs.values():
            async with self.session.get(f"{hub.url}/health/ready") as response:
                if not holds(await response.json()):
                    return False
        return True

    async def _answered(self, before: float) -> None:
        """Return when all that was asked before a moment is answered."""
        while any(load.oldest < before for load in self.loads.values()):  # noqa: ASYNC110 - answers set no event
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _struck(self) -> dict[str, int]:
        async with self.session.get(f"{self.world.steering}/faults") as response:
            return {name: told["struck"] for name, told in (await response.json()).items()}


async def _until(well: Callable[[], Awaitable[bool]], since: float) -> float | None:
    """Seconds from a moment until all was well, several looks in a row; None where that took too long."""
    row, first = 0, 0.0
    while monotonic() < since + RECOVERED_WITHIN_S:
        began = monotonic()
        if await well():
            first = first if row else began
            row += 1
            if row == _IN_A_ROW:
                return first - since
        else:
            row = 0
        await asyncio.sleep(_LOOK_EVERY_S)
    return None
