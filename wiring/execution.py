"""Builds the execution of requests: the engine under the operator's rules, and the context of each request."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from graphql import GraphQLSchema

from auth.caller import Caller, CallerKind
from auth.crypto.node_ids import NodeIds
from auth.policy.access_policy import AccessPolicy
from engine.agencies.bindings import Agencies
from engine.batch import NO_BATCH_CACHE, BatchCache
from engine.cost_budgets import NO_QUOTA_STORE, CostBudget, DailyQuotaStore
from engine.document.parsing import DocumentRules
from engine.document.persisted_operations import ClientApplication, PersistedDocuments
from engine.engine import Engine
from engine.reporting import NoRefusalRecorder, NoUseRecorder
from engine.request import GraphQLRequest, GraphQLResponse
from engine.run_request import RunReporting, RunRequest
from records.calls.call import Call
from records.calls.spans import Span
from records.hub.clients import ClientId
from schema.declarations.request_context import RequestContext
from settings import Settings
from web.graphql.execute import Execute
from web.settings import Exposure

_HUB_APPLICATION = ClientApplication(client=ClientId.without_issuer("simpul"), is_hub=True)


def build_graphql_engine(
    settings: Settings,
    schema: GraphQLSchema,
    *,
    coalescing: bool,
    reporting: RunReporting,
    daily_quotas: DailyQuotaStore = NO_QUOTA_STORE,
    batch_cache: BatchCache = NO_BATCH_CACHE,
) -> Engine:
    """Build the engine of `/graphql`. `daily_quotas` counts the daily cost of clients for all processes.

    `batch_cache` is the cache of its requests.
    """
    engine = Engine(
        schema,
        DocumentRules(
            limits=settings.limits,
            allow_introspection=settings.schema_exposure is not Exposure.OFF,
            allow_suggestions=settings.development,
            allow_explain=settings.development,
            show_schema_names=settings.development or settings.schema_exposure is Exposure.ON,
        ),
        share_runs=coalescing,
        documents=PersistedDocuments(
            first_party=settings.first_party_operations,
            automatic=settings.automatic_operations,
            systems=settings.agency_system_operations,
            quota_store=daily_quotas,
        ),
        reporting=reporting,
    )
    engine.keep_answers(batch_cache)
    return engine


def build_export_engine(settings: Settings, schema: GraphQLSchema, reporting: RunReporting) -> Engine:
    """Build the engine of `/me/export`, which runs the hub's own documents within the operator's limits.

    An export asks for every part, whether or not the person may read it or uses its service: it counts neither.
    """
    rules = DocumentRules(limits=settings.limits, allow_introspection=False, allow_suggestions=False)
    return Engine(schema, rules, reporting=replace(reporting, refusals=NoRefusalRecorder(), uses=NoUseRecorder()))


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestResources:
    """What all requests share: the sources of data, and the policy."""

    agencies: Agencies
    node_ids: NodeIds
    policy: AccessPolicy
    batch_cache: BatchCache = NO_BATCH_CACHE


def build_execute(
    engine: Engine,
    resources: RequestResources,
    *,
    schema_exposure: Exposure = Exposure.OFF,
    is_internal: bool = False,
) -> Execute:
    """Build the function that runs one request, whose resources are closed at its end.

    The hub's own documents (`is_internal`) are not registered, so no client's contract applies to them, and their runs
    are not shared.
    """
    agencies, node_ids = resources.agencies, resources.node_ids
    policy, batch_cache = resources.policy, resources.batch_cache
    signed_in_only = schema_exposure is Exposure.SIGNED_IN

    def execute(
        request: GraphQLRequest, caller: Caller, call: Call, budget: CostBudget
    ) -> Coroutine[Any, Any, GraphQLResponse]:
        def build_context() -> RequestContext:
            return RequestContext(
                caller=caller, call=call, agencies=agencies, node_ids=node_ids, policy=policy, batch_cache=batch_cache
            )

        span = call.span if call.span is not None and call.span.is_sampled else None
        client = caller.client
        application = (
            _HUB_APPLICATION if is_internal else None if client is None else _build_application(caller, client)
        )
        run = engine.run(
            RunRequest(  # by position, because one is built for each request
                request,
                build_context,
                call.request_id,
                caller,
                call.deadline,
                application,
                not (is_internal or caller.states_purpose),
                budget,
                not signed_in_only or caller.kind is not CallerKind.ANONYMOUS,
                span,
                call.language,
                call.max_age < inf,
            )
        )
        return run if span is None else _record_outcome(run, caller, span)

    return execute


async def _record_outcome(running: Coroutine[Any, Any, GraphQLResponse], caller: Caller, span: Span) -> GraphQLResponse:
    """The response; traces get the kind of caller and the codes of errors."""
    span.set_attribute("simpul.caller", caller.kind.value)
    response = await running
    codes = {str(each.get("extensions", {}).get("code", "")) for each in response.errors}
    if codes:
        span.set_attribute("simpul.codes", tuple(sorted(codes)))
    return response


def _build_application(caller: Caller, client: ClientId) -> ClientApplication:
    return ClientApplication(
        client=client,
        scopes=caller.scopes,
        is_partner=caller.kind is CallerKind.PARTNER,
        is_system=caller.kind is CallerKind.AGENCY_SYSTEM,
    )
