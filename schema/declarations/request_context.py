"""What every field of the graph can use while one request is answered (`info.context`)."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import date
from time import time
from typing import Any

from auth.caller import Caller
from auth.crypto.node_ids import NodeIds
from auth.policy.access_policy import AccessPolicy
from auth.policy.children import get_city_date
from auth.policy.decision import get_represented_person
from engine import batch
from engine.agencies.bindings import Agencies
from engine.agencies.routing_log import RoutingLog
from engine.execution.stale_fields import StalePath
from engine.graphql_core.answer_size import AnswerSize
from records.calls.call import Call
from records.hub.data_preferences import DataPreferences
from records.identifiers import Nik
from resolvers.batch_context import HubBatchContext
from resolvers.bridge import Bridge


@dataclass(slots=True, kw_only=True)
class RequestContext:
    """One request in progress."""

    caller: Caller
    call: Call
    agencies: Agencies
    node_ids: NodeIds
    policy: AccessPolicy
    batch_cache: batch.BatchCache = batch.NO_BATCH_CACHE
    """The cache of answers; by default, none."""
    size: AnswerSize = field(default_factory=AnswerSize)
    """The number of records that this request has read."""
    preferences: dict[Nik, DataPreferences] = field(default_factory=dict)
    """Data preferences that this request has loaded."""
    clock: Callable[[], float] = time
    """Seconds since 1970; decides whether a sign-in is recent."""
    stale_paths: list[StalePath] = field(default_factory=list)
    """Stale parts of the answer, from fields that run on graphql-core."""
    reader: Nik | None = field(init=False)
    """The person who reads, or the person they assist: data about that person counts as their own."""
    own_decision_key: tuple[bool, int] | None = field(init=False, default=None)
    """The key of `Access.own_decisions`, if decisions about the reader's own records depend on nothing else: in an app
    of the city, for themself or by a whole delegation."""
    fetched: dict[Hashable, Any] = field(default_factory=dict)
    """As in `BatchContext`."""
    _routing_log: RoutingLog | None = None
    _bridge: Bridge | None = None
    _plain_batch_context: HubBatchContext | None = None
    """The batch context without facets, which most reads of a request use; built on first use."""

    def __post_init__(self) -> None:
        """Find once what each guarded field asks for."""
        caller = self.caller
        self.reader = get_represented_person(caller)
        if self.reader is not None and caller.first_party:
            acts_for_self = caller.on_behalf_of is None
            if acts_for_self or not caller.delegation_limits:
                self.own_decision_key = acts_for_self, int(caller.assurance)  # an int is hashed in C, an enum is not

    def build_batch_context(self, facets: frozenset[type[Any]]) -> HubBatchContext:
        """The context of a batch for this request, with the wanted facets."""
        if not facets and self._plain_batch_context is not None:
            return self._plain_batch_context
        context = batch.BatchContext(
            caller=self.caller,
            call=self.call,
            agencies=self.agencies,
            facets=facets,
            batch_cache=self.batch_cache,
            routing_log=self.routing_log,
            fetched=self.fetched,
        )
        if not facets:
            self._plain_batch_context = context
        return context

    @property
    def routing_log(self) -> RoutingLog:
        """What this request reads from domains that several agencies answer."""
        if self._routing_log is None:
            self._routing_log = RoutingLog()
        return self._routing_log

    @property
    def bridge(self) -> Bridge:
        """The bridge to batches for fields that run on graphql-core; built on first use."""
        if self._bridge is None:
            self._bridge = Bridge(self.build_batch_context)
        return self._bridge

    @property
    def today(self) -> date:
        """Today in the city's time zone, by which people are children or adults."""
        return get_city_date()

    async def close(self) -> None:
        """Cancel pending work."""
        if self._bridge is not None:
            await self._bridge.close()
