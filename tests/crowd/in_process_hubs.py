"""Hubs of the crowd in this process: the real engine, rules, coalescing and caching, without HTTP."""

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
from auth.crypto.key_ring import ANSWER_INFO, KeyRing
from auth.tokens.development_issuer import build_development_issuer
from cache.answers.cache_keys import CacheKeyBuilder
from cache.answers.read_through import ReadThroughCache
from cache.answers.redis_tier import InvalidationListener, RedisTier
from engine.agencies.bindings import Agencies
from engine.batch import NO_BATCH_CACHE
from engine.cost_budgets import NO_BUDGET
from engine.request import GraphQLRequest
from engine.run_request import RunReporting
from records.calls.call import Call
from records.calls.subject_reads import RequestInfo, SubjectRead
from records.clocks import Clocks
from records.hub.operations import ClientContract, OperationMode
from records.identifiers import Nik
from resolvers.cached_batches import CachedBatchReader
from tests.crowd.agencies import FailureRates, build_agencies
from tests.crowd.judge import ForeignRecord, Judge
from tests.crowd.marks import Watermark
from tests.crowd.people import CLIENTS, CrowdPeople
from tests.crowd.questions import IDS, SECRET, CrowdQuestion
from tests.fakes.city import build_policy
from tests.fakes.small_hub import build_city_schema, build_settings
from wiring.execution import RequestResources, build_execute, build_graphql_engine

CLOCK_SPEEDUP = 60
"""How much faster time passes for the cache: an hour in a minute."""
CONTRACTS = tuple(ClientContract(client=each, mode=OperationMode.OFF) for each in CLIENTS)
LIMITS = MappingProxyType({"agency_system_operations": OperationMode.OFF, "shed_after": 0})
"""Every caller of the crowd may send any document."""
_MAX_BYTES = 2 * 1024 * 1024
"""So small that some entries are evicted."""
_TIMEOUT_S = 2.0


class CrowdHub(Protocol):
    """A hub that answers."""

    async def ask(self, caller: Caller, question: CrowdQuestion, request_id: str) -> Any:  # noqa: ANN401 - JSON
        """The answer's data; None if there is none."""

    async def forget(self, nik: Nik | None) -> None:
        """Data of a person changed, or data of all people."""


class LedgerProbe(Protocol):
    """Watches the recorded reads of some requests."""

    def watch(self, request_id: str) -> None:
        """Watch this request."""

    def forget(self, request_id: str) -> None:
        """The caller of the request disconnected."""

    def check_answer(
        self, request_id: str, caller: Caller, question: CrowdQuestion, marks: Sequence[Watermark], judge: Judge
    ) -> bool:
        """The request was answered: let the judge compare its reads; returns whether any were recorded."""


class InProcessLedger:
    """Remembers the recorded reads of some requests."""

    def __init__(self) -> None:
        """Starts empty."""
        self._watched: set[str] = set()
        self._recorded: dict[str, tuple[RequestInfo, Sequence[SubjectRead]]] = {}

    async def record(self, request: RequestInfo, reads: Sequence[SubjectRead]) -> None:
        """The engine's recorder."""
        if request.request_id in self._watched:
            self._recorded[request.request_id] = (request, reads)

    def watch(self, request_id: str) -> None:
        """Watch this request."""
        self._watched.add(request_id)

    def forget(self, request_id: str) -> None:
        """The caller of the request disconnected."""
        self._watched.discard(request_id)
        self._recorded.pop(request_id, None)

    def check_answer(
        self, request_id: str, caller: Caller, question: CrowdQuestion, marks: Sequence[Watermark], judge: Judge
    ) -> bool:
        """The request was answered: let the judge compare its reads; returns whether any were recorded."""
        request, reads = self._recorded.get(request_id, (None, ()))
        self.forget(request_id)
        if request is not None and request.caller != caller:
            raise ForeignRecord(f"the ledger recorded another caller than {caller!r}")
        judge.check_recorded(marks, reads, question)
        return bool(reads)


class InProcessHub:
    """A hub in this process."""

    def __init__(self, bound: Agencies, ledger: InProcessLedger, cached_batches: CachedBatchReader | None) -> None:
        """`cached_batches` reads through the cache; without it each request makes its own calls."""
        settings = build_settings((build_development_issuer(Path("no keys")),), **LIMITS)
        self._engine = engine = build_graphql_engine(
            settings,
            build_city_schema(),
            coalescing=True,
            reporting=RunReporting(recorder=ledger.record),
            batch_cache=cached_batches or NO_BATCH_CACHE,
        )
        self._execute = build_execute(
            engine,
            RequestResources(
                agencies=bound, node_ids=IDS, policy=build_policy(), batch_cache=cached_batches or NO_BATCH_CACHE
            ),
        )
        self._cached_batches = cached_batches

    async def start(self) -> None:
        """Register the partners."""
        await self._engine.register_operations(CONTRACTS, ())

    async def ask(self, caller: Caller, question: CrowdQuestion, request_id: str) -> Any:  # noqa: ANN401 - JSON
        """The answer's data; None if there is none."""
        call = Call(deadline=time.monotonic() + _TIMEOUT_S, request_id=request_id)
        request = GraphQLRequest(query=question.text, variables=question.variables)
        response = await self._execute(request, caller, call, NO_BUDGET)
        return response.data if response.body is None else orjson.loads(response.body).get("data")

    async def forget(self, nik: Nik | None) -> None:
        """Invalidate the data of the person, or all answers of one agency."""
        if self._cached_batches is None:
            return
        await (
            self._cached_batches.invalidate_agency("dukcapil")
            if nik is None
            else self._cached_batches.invalidate_people([nik])
        )


def build_fast_clock() -> Callable[[], float]:
    """A clock on which cached answers expire within the length of a test."""
    began = time.time()
    return lambda: began + (time.time() - began) * CLOCK_SPEEDUP


@asynccontextmanager
async def run_in_process_hubs(
    people: CrowdPeople, random: Random, failure_rates: dict[str, FailureRates], ledger: InProcessLedger, redis: str
) -> AsyncIterator[list[InProcessHub]]:
    """A hub without a cache, one with its own cache that gets most requests, and two with a shared cache."""
    bound = build_agencies(people, random, failure_rates)
    async with AsyncExitStack() as stack:
        clock = build_fast_clock()
        shared_caches = [await _build_cached_batches(stack, clock, redis) for _ in range(2)]
        caches = (None, await _build_cached_batches(stack, clock, None), *shared_caches)
        uncached, single, *shared = all_hubs = [InProcessHub(bound, ledger, each) for each in caches]
        for each in all_hubs:
            await each.start()
        yield [uncached, single, single, single, *shared]


async def _build_cached_batches(
    stack: AsyncExitStack, clock: Callable[[], float], redis: str | None
) -> CachedBatchReader:
    """Like `resolvers/answer_cache.py`, on another clock."""
    tier = None
    if redis is not None:
        tier = RedisTier(
            redis,
            max_lifetime=72 * 3600.0,
            timeout=_TIMEOUT_S,  # this process is busier than any hub
            listener=InvalidationListener(
                on_invalidated=lambda tags: through.epochs.invalidate(tags),  # noqa: PLW0108 - there is none yet
                on_unsubscribed=lambda: through.epochs.invalidate_everything(),  # noqa: PLW0108 - the same
            ),
        )
    through = ReadThroughCache(
        max_bytes=_MAX_BYTES,
        key_builder=CacheKeyBuilder(SECRET),
        sealer=KeyRing([SECRET], ANSWER_INFO),
        shared=tier,
        clocks=Clocks(monotonic=clock),
    )
    if tier is not None:
        await tier.start()
        stack.push_async_callback(tier.close)
    stack.push_async_callback(through.close)
    return CachedBatchReader(through, timeout=_TIMEOUT_S)
