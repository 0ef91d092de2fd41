"""Hubs of the crowd in this process: the real engine, rules, coalescing and keeping, without HTTP."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any, Protocol

import orjson

from auth.caller import Caller
from auth.development import development_entry
from auth.policy import DEFAULT_POLICY
from auth.sealed_answers import SealedAnswers
from cache.names import KeyedNames
from cache.read_through import ReadThrough
from cache.redis_tier import RedisTier
from engine.batch import Agencies
from engine.reads import Asked, Read
from engine.request import GraphQLRequest
from records.call import Call
from records.freshness import hours
from records.identifiers import Nik
from records.operations import ClientContract, OperationMode
from resolvers.keeping import KeptBatches
from tests.crowd.agencies import Weather, agencies
from tests.crowd.judge import ForeignRecord, Judge
from tests.crowd.marks import Mark
from tests.crowd.people import CLIENTS, People
from tests.crowd.questions import IDS, SECRET, Question
from tests.small_hub import city_schema, settings_of
from wiring.answering import answering_engine, executor

FASTER = 60
"""How much faster time passes for what is kept: an hour in a minute."""
CONTRACTS = tuple(ClientContract(client=each, mode=OperationMode.OFF) for each in CLIENTS)
LIMITS = MappingProxyType({"agency_system_operations": OperationMode.OFF, "shed_after": 0})
"""Whoever asks in the crowd may ask whatever they like."""
_MOST_BYTES = 2 * 1024 * 1024
"""So little that not everything stays."""
_PATIENCE = 2.0


class Hub(Protocol):
    """Somebody who is asked."""

    async def ask(self, caller: Caller, question: Question, request_id: str) -> Any:  # noqa: ANN401 - JSON
        """The answer's data; None where there is none."""

    async def forget(self, nik: Nik | None) -> None:
        """Something about a person is different, or about everybody."""


class Looking(Protocol):
    """Looks at what is recorded of some requests."""

    def look(self, request_id: str) -> None:
        """Look at this one."""

    def forget(self, request_id: str) -> None:
        """Who asked it left."""

    def looked(self, request_id: str, caller: Caller, question: Question, marks: Sequence[Mark], judge: Judge) -> bool:
        """It was answered: let the judge compare; whether anything was recorded."""


class Ledger:
    """Remembers what was recorded of some requests."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._wanted: set[str] = set()
        self._told: dict[str, tuple[Asked, Sequence[Read]]] = {}

    async def record(self, asked: Asked, reads: Sequence[Read]) -> None:
        """As the engine tells it."""
        if asked.request_id in self._wanted:
            self._told[asked.request_id] = (asked, reads)

    def look(self, request_id: str) -> None:
        """Look at this one."""
        self._wanted.add(request_id)

    def forget(self, request_id: str) -> None:
        """Who asked it left."""
        self._wanted.discard(request_id)
        self._told.pop(request_id, None)

    def looked(self, request_id: str, caller: Caller, question: Question, marks: Sequence[Mark], judge: Judge) -> bool:
        """It was answered: let the judge compare; whether anything was recorded."""
        asked, reads = self._told.get(request_id, (None, ()))
        self.forget(request_id)
        if asked is not None and asked.who != caller:
            raise ForeignRecord(f"the ledger was told of another caller than {caller!r}")
        judge.recorded(marks, reads, question)
        return bool(reads)


class HubHere:
    """A hub in this process."""

    def __init__(self, bound: Agencies, ledger: Ledger, kept: KeptBatches | None) -> None:
        """`kept` reads through what is kept; without it each request asks for all of its own."""
        settings = settings_of((development_entry(Path("nobody's keys")),), **LIMITS)
        self._engine = engine = answering_engine(
            settings, city_schema(), coalescing=True, recorder=ledger.record, together=None
        )
        self._execute = executor(engine, bound, IDS, DEFAULT_POLICY, keeping=kept)
        self._kept = kept

    async def start(self) -> None:
        """Know the partners."""
        await self._engine.know(CONTRACTS, ())

    async def ask(self, caller: Caller, question: Question, request_id: str) -> Any:  # noqa: ANN401 - JSON
        """The answer's data; None where there is none."""
        call = Call(deadline=time.monotonic() + _PATIENCE, request_id=request_id)
        request = GraphQLRequest(query=question.text, variables=question.variables)
        response = await self._execute(request, caller, call, None)
        return response.data if response.body is None else orjson.loads(response.body).get("data")

    async def forget(self, nik: Nik | None) -> None:
        """What is about the person, or all that one agency said, is invalid."""
        if self._kept is None:
            return
        await (self._kept.forget_agency("dukcapil") if nik is None else self._kept.forget_people([nik]))


def faster() -> Callable[[], float]:
    """A clock on which what is kept gets old within the length of a test."""
    began = time.time()
    return lambda: began + (time.time() - began) * FASTER


@asynccontextmanager
async def hubs_here(
    people: People, random: Random, weather: dict[str, Weather], ledger: Ledger, redis: str
) -> AsyncIterator[list[HubHere]]:
    """A hub that keeps nothing, one that keeps by itself and is asked most, and two that keep together."""
    bound = agencies(people, random, weather)
    async with AsyncExitStack() as stack:
        clock = faster()
        together = [await _keeping(stack, clock, redis) for _ in range(2)]
        kept = (None, await _keeping(stack, clock, None), *together)
        nothing, alone, *shared = made = [HubHere(bound, ledger, each) for each in kept]
        for each in made:
            await each.start()
        yield [nothing, alone, alone, alone, *shared]


async def _keeping(stack: AsyncExitStack, clock: Callable[[], float], redis: str | None) -> KeptBatches:
    """As `resolvers/kept_answers.py` puts it together, on a clock of its own."""
    tier = None
    if redis is not None:
        tier = RedisTier(
            redis,
            longest=hours(72),
            heard=lambda tags: through.fences.invalidate(tags),  # noqa: PLW0108 - there is none yet
            lost=lambda: through.fences.invalidate_everything(),  # noqa: PLW0108 - the same
            patience=_PATIENCE,  # this process is busier than any hub
        )
    through = ReadThrough(
        most_bytes=_MOST_BYTES, names=KeyedNames(SECRET), seals=SealedAnswers([SECRET]), shared=tier, now=clock
    )
    if tier is not None:
        await tier.start()
        stack.push_async_callback(tier.close)
    stack.push_async_callback(through.close)
    return KeptBatches(through, patience=_PATIENCE)
