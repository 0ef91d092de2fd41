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

from cli.sandbox.hub_environment import SANDBOX_TERMS
from connectors.resilience.agency_terms import load_agency_terms
from sandbox.fault_proxy import HTTP_FAULTS, FaultKind
from tests.faults.answers import AnswerOutcome, FaultAnswer
from tests.faults.load import QuestionLoad
from tests.faults.questions import AGENCIES, OF_ONE, FaultQuestion
from tests.faults.world import STATE_RELAY, WORKERS, FaultWorld

WORKER: Final = "a worker of the hub"
STATE: Final = "PostgreSQL of the hub"
SQL_AGENCIES: Final = frozenset({"dukcapil", "jakpreneur"})
SLOW: Final = frozenset({FaultKind.HALF_OPEN, FaultKind.LATENCY, FaultKind.DRIP})
"""What is noticed only when a deadline has passed, so that it takes longer to see what becomes of it."""
RECOVERY_TIMEOUT_S: Final = 20.0
_IN_A_ROW: Final = 5
_LOOK_EVERY_S: Final = 0.1
_SECONDS: Final = {FaultKind.DRIP: 0.05, FaultKind.THROTTLED: 2.0}


@cache
def read_deadline(agency: str) -> float:
    """Seconds that the terms of the sandbox city give an agency."""
    deadline = getattr(load_agency_terms(SANDBOX_TERMS), agency).deadline
    assert isinstance(deadline, float)
    return deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultCell:
    """One agency, and one way in which it fails."""

    agency: str
    kind: FaultKind
    healthy: float
    """Seconds that are looked at before."""
    duration: float
    """Seconds for which it fails."""

    @property
    def fault(self) -> Mapping[str, Any]:
        """The fault for the proxy: late answers take half of the agency's deadline."""
        late = read_deadline(self.agency) / 2
        return {"kind": self.kind.value, "seconds": _SECONDS.get(self.kind, late)}

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.agency}: {self.kind.value}"


def build_cells(relayed: Sequence[str], *, quick: bool = False) -> list[FaultCell]:
    """Each way to fail of each agency; in a quick run two of each."""
    found = []
    for agency in AGENCIES:
        kinds = [kind for kind in FaultKind if not (kind in HTTP_FAULTS and agency in SQL_AGENCIES)]
        if agency not in relayed:
            continue
        if quick:
            kinds = list(_QUICK[agency])
        for kind in kinds:
            lasts = (read_deadline(agency) if kind in SLOW else 0.0) + (2.0 if quick else 3.5)
            found.append(FaultCell(agency=agency, kind=kind, healthy=1.0 if quick else 1.5, duration=lasts))
    return found


_QUICK: Final = {
    "dukcapil": (FaultKind.HALF_OPEN, FaultKind.RESET),
    "jakpreneur": (FaultKind.HALF_OPEN, FaultKind.GARBAGE),
    "pbb": (FaultKind.HALF_OPEN, FaultKind.TRUNCATED),
    "crm": (FaultKind.DRIP, FaultKind.ERROR),
    "pangan": (FaultKind.LATENCY, FaultKind.THROTTLED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CellAnswers:
    """What the callers of one hub got around one fault."""

    needed: Sequence[FaultAnswer]
    """While it failed, to questions that need what failed."""
    others: Sequence[FaultAnswer]
    """While it failed, to all other questions."""
    needed_before: Sequence[FaultAnswer]
    others_before: Sequence[FaultAnswer]
    after: Sequence[FaultAnswer]
    """From the end of the fault until all was well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultResult:
    """One thing that went wrong."""

    name: str
    part: str
    """What failed: an agency, or something of the hub's own."""
    kind: str

    @property
    def agency(self) -> str | None:
        """The agency that failed; None where it was something else."""
        return self.part if self.part in AGENCIES else None

    duration: float
    """Seconds."""
    faulted_exchanges: int | None
    """Exchanges that went wrong, where that is counted."""
    recovery: float | None
    """Seconds from the end of the fault until all was well; None: not within the time it may take."""
    hubs: Mapping[str, CellAnswers]


@dataclass(slots=True, kw_only=True)
class FaultRun:
    """The whole run: what is asked, and what came of it."""

    world: FaultWorld
    session: aiohttp.ClientSession
    loads: Mapping[str, QuestionLoad]
    results: list[FaultResult] = field(default_factory=list)

    async def fail_agency(self, cell: FaultCell) -> FaultResult:
        """One cell of the matrix."""
        question = OF_ONE[cell.agency]
        before = (await self._read_faulted_exchanges()).get(cell.agency, 0)
        for load in self.loads.values():
            load.favoured = question

        @asynccontextmanager
        async def failing() -> AsyncIterator[None]:
            await self.world.inject_fault(self.session, cell.agency, cell.fault)
            try:
                yield
            finally:
                await self.world.clear_fault(self.session, cell.agency)

        recovery, hubs = await self._observe(
            failing,
            cell.healthy,
            cell.duration,
            lambda each: cell.agency in each.agencies,
            lambda: self._is_well(question),
        )
        struck = (await self._read_faulted_exchanges())[cell.agency] - before
        for load in self.loads.values():
            load.favoured = None
        return self._append_result(
            FaultResult(
                name=cell.name,
                part=cell.agency,
                kind=cell.kind.value,
                duration=cell.duration,
                faulted_exchanges=struck,
                recovery=recovery,
                hubs=hubs,
            )
        )

    async def kill_valkey(self, *, lasts: float) -> FaultResult:
        """Valkey is killed, and started again."""

        @asynccontextmanager
        async def dead() -> AsyncIterator[None]:
            self.world.valkey.crash()
            try:
                yield
            finally:
                self.world.valkey.start()

        found = await self._observe(dead, 1.5, lasts, lambda _: True, self._is_cache_shared)
        return self._build_result("Redis", "killed and started again", lasts, found)

    async def freeze_valkey(self, *, lasts: float) -> FaultResult:
        """Valkey holds its connections, takes new ones, and answers nothing."""

        @asynccontextmanager
        async def silent() -> AsyncIterator[None]:
            with self.world.valkey.freeze():
                yield

        found = await self._observe(silent, 1.5, lasts, lambda _: True, self._is_cache_shared)
        return self._build_result("Redis", FaultKind.HALF_OPEN.value, lasts, found)

    async def kill_database(self, *, lasts: float) -> FaultResult:
        """The hub's own PostgreSQL is killed, and started again."""

        @asynccontextmanager
        async def dead() -> AsyncIterator[None]:
            self.world.kill_postgres()
            try:
                yield
            finally:
                await self.world.revive_postgres()

        question = OF_ONE["dukcapil"]
        found = await self._observe(
            dead, 1.5, lasts, lambda each: each.caller in {"citizen", "official"}, lambda: self._is_well(question)
        )
        return self._build_result(STATE, "killed and started again", lasts, found)

    async def freeze_database(self, *, lasts: float) -> FaultResult:
        """The hub's own PostgreSQL is there and nobody hears of it; what was connected stays silent for good."""

        @asynccontextmanager
        async def silent() -> AsyncIterator[None]:
            await self.world.inject_fault(self.session, STATE_RELAY, {"kind": FaultKind.HALF_OPEN.value})
            try:
                yield
            finally:
                await self.world.clear_fault(self.session, STATE_RELAY)

        question = OF_ONE["dukcapil"]
        found = await self._observe(
            silent, 1.5, lasts, lambda each: each.caller in {"citizen", "official"}, lambda: self._is_well(question)
        )
        return self._build_result(STATE, FaultKind.HALF_OPEN.value, lasts, found)

    async def kill_worker(self, *, lasts: float) -> FaultResult:
        """One worker of each hub is killed; its hub starts another by itself."""

        @asynccontextmanager
        async def killed() -> AsyncIterator[None]:
            for hub in self.world.hubs.values():
                os.kill(hub.workers[0], signal.SIGKILL)
            yield

        async def whole() -> bool:
            enough = all(len(hub.workers) == WORKERS for hub in self.world.hubs.values())
            return enough and await self._is_well(OF_ONE["dukcapil"])

        found = await self._observe(killed, 1.5, lasts, lambda _: True, whole, mends_itself=True)
        return self._build_result(WORKER, "killed", lasts, found)

    def _build_result(
        self, part: str, kind: str, lasted: float, found: tuple[float | None, Mapping[str, CellAnswers]]
    ) -> FaultResult:
        recovery, hubs = found
        name = f"{part}: {kind}"
        return self._append_result(
            FaultResult(
                name=name, part=part, kind=kind, duration=lasted, faulted_exchanges=None, recovery=recovery, hubs=hubs
            )
        )

    def _append_result(self, result: FaultResult) -> FaultResult:
        self.results.append(result)
        return result

    async def _observe(
        self,
        failing: Callable[[], Any],
        healthy: float,
        lasts: float,
        needs: Callable[[FaultQuestion], bool],
        well: Callable[[], Awaitable[bool]],
        *,
        mends_itself: bool = False,
    ) -> tuple[float | None, Mapping[str, CellAnswers]]:
        """Look, let it fail, look, let it be well again, and look until it is.

        How long that takes is counted from the end of the fault; of what mends itself, from its beginning.
        """
        began = monotonic()
        await asyncio.sleep(healthy)
        async with failing():
            struck = monotonic()
            mending = asyncio.ensure_future(_wait_until(well, struck)) if mends_itself else None
            await asyncio.sleep(lasts)
            ends = monotonic()
        healed = monotonic()
        recovery = await (mending or _wait_until(well, healed))
        await self._wait_until_answered(healed)
        over = monotonic()
        # All that was asked may have met the same worker: the next fault begins when none leaves an agency alone.
        await _wait_until(self._are_breakers_closed, over)
        hubs = {
            name: CellAnswers(
                needed=[each for each in load.between(struck, ends) if needs(each.question)],
                others=[each for each in load.between(struck, ends) if not needs(each.question)],
                needed_before=[each for each in load.between(began, struck) if needs(each.question)],
                others_before=[each for each in load.between(began, struck) if not needs(each.question)],
                after=load.between(healed, over),
            )
            for name, load in self.loads.items()
        }
        return recovery, hubs

    async def _is_well(self, question: FaultQuestion) -> bool:
        """Whether the question is answered whole by every hub."""
        answers = await asyncio.gather(*(load.ask(question) for load in self.loads.values()))
        return all(each.outcome is AnswerOutcome.FULL for each in answers)

    async def _are_breakers_closed(self) -> bool:
        """Whether no process of any hub has a breaker that is not closed."""
        for hub in self.world.hubs.values():
            async with self.session.get(f"{hub.url}/metrics") as response:
                lines = (await response.text()).splitlines()
            states = [line for line in lines if line.startswith("simpul_agency_breaker_state{")]
            if not states:
                raise ValueError(f"{hub.name} tells of no breakers: HTTP {response.status}")
            if any('state="closed"' not in line and not line.endswith(" 0.0") for line in states):
                return False
        return True

    async def _is_cache_shared(self) -> bool:
        """Whether every hub says that its processes keep answers together, where it keeps any."""
        return await self._says_ready(lambda body: body.get("cache", "together") == "together")

    async def _says_ready(self, holds: Callable[[Mapping[str, Any]], bool]) -> bool:
        for hub in self.world.hubs.values():
            async with self.session.get(f"{hub.url}/health/ready") as response:
                if not holds(await response.json()):
                    return False
        return True

    async def _wait_until_answered(self, before: float) -> None:
        """Return when all that was asked before a moment is answered."""
        while any(load.oldest < before for load in self.loads.values()):  # noqa: ASYNC110 - answers set no event
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _read_faulted_exchanges(self) -> dict[str, int]:
        async with self.session.get(f"{self.world.control_url}/faults") as response:
            return {name: report["struck"] for name, report in (await response.json()).items()}


async def _wait_until(well: Callable[[], Awaitable[bool]], since: float) -> float | None:
    """Seconds from a moment until all was well, several looks in a row; None where that took too long."""
    row, first = 0, 0.0
    while monotonic() < since + RECOVERY_TIMEOUT_S:
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
