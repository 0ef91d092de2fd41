"""A hub with an answer cache over the small city."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import Any

import orjson

from auth.caller import Caller
from auth.crypto.key_ring import ANSWER_INFO, KeyRing
from cache.answers.cache_keys import CacheKeyBuilder
from cache.answers.read_through import ReadThroughCache
from engine.engine import Engine
from engine.request import GraphQLRequest, GraphQLResponse
from engine.response_encoding import encode
from engine.run_request import RunReporting, RunRequest
from records.calls.subject_reads import RequestInfo, SubjectRead
from records.clocks import Clocks
from resolvers.cached_batches import CachedBatchReader
from schema.declarations.request_context import RequestContext
from tests.fakes.city import build_policy
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import CALL, CALLERS
from tests.schema.requests import IDS, build_engine

SECRET = b"a secret of thirty-two bytes...."
BY_PLAN = "by a plan"


class CachingHub:
    """A hub with a cache over the small city; tests set its clock."""

    def __init__(self, *, coalescing: bool = False, way: str = BY_PLAN) -> None:
        self.city = SmallCity()
        self.now = 1_000.0
        self.recorded: list[tuple[RequestInfo, Sequence[SubjectRead]]] = []
        cache = ReadThroughCache(
            max_bytes=1_000_000,
            key_builder=CacheKeyBuilder(SECRET),
            sealer=KeyRing([SECRET], ANSWER_INFO),
            clocks=Clocks(monotonic=lambda: self.now, wall=lambda: self.now),
        )
        self.batch_cache = CachedBatchReader(cache, timeout=5.0)
        self.engine = Engine(
            build_engine().schema,
            build_engine().rules,
            share_runs=coalescing,
            use_plans=way == BY_PLAN,
            reporting=RunReporting(recorder=self.record),
        )
        self.engine.keep_answers(self.batch_cache)

    async def record(self, request: RequestInfo, reads: Sequence[SubjectRead]) -> None:
        """The engine's recorder."""
        self.recorded.append((request, reads))

    async def answer(
        self,
        query: str,
        caller: str | Caller = "the person",
        *,
        max_age: float = inf,
        **terms: Any,  # noqa: ANN401 - members of RunRequest
    ) -> GraphQLResponse:
        """The response, with its members even if it is bytes already."""
        who, call = CALLERS[caller] if isinstance(caller, str) else caller, replace(CALL, max_age=max_age)

        def opened() -> RequestContext:
            return RequestContext(
                policy=build_policy(),
                caller=who,
                call=call,
                agencies=self.city.agencies(),
                node_ids=IDS,
                batch_cache=self.batch_cache,
            )

        usual = RunRequest(
            request=GraphQLRequest(query=query),
            context_factory=opened,
            request_id="r-1",
            caller_key=who,
            deadline=CALL.deadline,
            require_new_run=max_age < inf,
        )
        response = await self.engine.run(usual._replace(**terms))
        members = orjson.loads(encode(response))
        return replace(
            response,
            data=members.get("data"),
            errors=members.get("errors", []),
            extensions=members.get("extensions", {}),
        )
