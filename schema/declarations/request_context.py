"""What every field of the graph can reach while one request is answered (`info.context`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from time import time
from typing import Any

from auth.caller import Caller
from auth.crypto.node_ids import NodeIds
from auth.policy.access_policy import DEFAULT_POLICY, AccessPolicy
from auth.policy.children import get_city_date
from auth.policy.decision import get_represented_person
from engine import batch
from engine.batch import Agencies
from engine.execution.stale_paths import StalePath
from engine.graphql_core.answer_size import AnswerSize
from records.calls.call import Call
from records.hub.data_preferences import DataPreferences
from records.identifiers import Nik
from resolvers.batch_context import HubBatchContext
from resolvers.bridge import Bridge


@dataclass(slots=True, kw_only=True)
class RequestContext:
    """One request being answered."""

    caller: Caller
    call: Call
    agencies: Agencies
    node_ids: NodeIds
    policy: AccessPolicy = DEFAULT_POLICY
    batch_cache: batch.BatchCache = batch.NO_BATCH_CACHE
    """Who keeps answers; without it each request asks for all of its own."""
    size: AnswerSize = field(default_factory=AnswerSize)
    """How much has been read for this request."""
    preferences: dict[Nik, DataPreferences] = field(default_factory=dict)
    """What people said about the use of their data, as far as it was asked for this request."""
    clock: Callable[[], float] = time
    """Seconds since 1970, by which a sign-in is recent."""
    stale_paths: list[StalePath] = field(default_factory=list)
    """What fields that run on graphql-core put in the answer that is no longer fresh."""
    _bridge: Bridge | None = None

    def build_batch_context(self, facets: frozenset[type[Any]]) -> HubBatchContext:
        """What a batch is given for this request, when these facets are wanted."""
        return batch.BatchContext(
            caller=self.caller, call=self.call, agencies=self.agencies, facets=facets, batch_cache=self.batch_cache
        )

    @property
    def bridge(self) -> Bridge:
        """The bridge to batches for fields that run on graphql-core; made when the first of them asks for it."""
        if self._bridge is None:
            self._bridge = Bridge(self.build_batch_context)
        return self._bridge

    @property
    def reader(self) -> Nik | None:
        """The person who asks, or for whom an assistant does: what is about them as well was read as their own."""
        return get_represented_person(self.caller)

    @property
    def today(self) -> date:
        """The day by which somebody is a child or of age, in the city's own time."""
        return get_city_date()

    async def close(self) -> None:
        """Stop what still runs."""
        if self._bridge is not None:
            await self._bridge.close()
