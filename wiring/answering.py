"""What runs requests: the engine under the operator's rules, and what each request is given."""

from __future__ import annotations

from collections.abc import Coroutine
from math import inf
from typing import Any

from graphql import GraphQLSchema

from auth.caller import Caller, CallerKind
from auth.node_ids import NodeIds
from auth.policy import Policy
from auth.rules import heeds_wishes
from engine.batch import Agencies, Keeping
from engine.document import DocumentRules
from engine.metering import Meter
from engine.persisted import Application, PersistedDocuments
from engine.quota import Days, Purse
from engine.reads import Recorder
from engine.refused_fields import RefusalNotes
from engine.request import GraphQLRequest, GraphQLResponse
from engine.run import Engine
from records.call import Call
from records.clients import ClientId
from records.spans import Span
from schema.asking import Asking
from settings import Settings
from web.graphql_endpoint import Execute
from web.settings import Exposure

_OWN = Application(client=ClientId.unproven("simpul"), is_hub=True)


def answering_engine(
    settings: Settings,
    schema: GraphQLSchema,
    *,
    coalescing: bool,
    recorder: Recorder | None,
    together: Days | None,
    meter: Meter | None = None,
    refusals: RefusalNotes | None = None,
) -> Engine:
    """The engine of `/graphql`. `together` counts what clients used today, for all processes."""
    return Engine(
        schema,
        DocumentRules(
            limits=settings.limits,
            introspection=settings.shows_schema is not Exposure.OFF,
            suggestions=settings.development,
            explains=settings.development,
            names=settings.development or settings.shows_schema is Exposure.ON,
        ),
        coalescing=coalescing,
        recorder=recorder,
        documents=PersistedDocuments(
            first_party=settings.first_party_operations,
            automatic=settings.automatic_operations,
            systems=settings.agency_system_operations,
            together=together,
        ),
        meter=meter,
        refusals=refusals,
    )


def exporting_engine(
    settings: Settings, schema: GraphQLSchema, recorder: Recorder | None, meter: Meter | None = None
) -> Engine:
    """The engine of `/me/export`, which runs what the hub wrote: the limits are the operator's here, too."""
    rules = DocumentRules(limits=settings.limits, introspection=False, suggestions=False)
    return Engine(schema, rules, recorder=recorder, meter=meter)


def executor(
    engine: Engine,
    agencies: Agencies,
    node_ids: NodeIds,
    policy: Policy,
    *,
    keeping: Keeping | None = None,
    shows_schema: Exposure = Exposure.OFF,
    hubs_own: bool = False,
) -> Execute:
    """What runs one request: everything that belongs to it lives and ends with it.

    Without who is `keeping` answers, each request asks for all of its own. Documents that are the `hubs_own` are
    registered nowhere, so no client is held to them, and nobody shares their runs.
    """
    signed_in_only = shows_schema is Exposure.SIGNED_IN

    def execute(
        request: GraphQLRequest, caller: Caller, call: Call, purse: Purse | None
    ) -> Coroutine[Any, Any, GraphQLResponse]:
        def opened() -> Asking:
            return Asking(
                caller=caller, call=call, agencies=agencies, node_ids=node_ids, policy=policy, keeping=keeping
            )

        span = call.span if call.span is not None and call.span.sampled else None
        client = caller.client
        application = _OWN if hubs_own else None if client is None else _application(caller, client)
        running = engine.run(
            request,
            opened,
            who=caller,
            until=call.deadline,
            request_id=call.request_id,
            application=application,
            alone=hubs_own or heeds_wishes(caller),
            purse=purse,
            introspects=not signed_in_only or caller.kind is not CallerKind.ANONYMOUS,
            span=span,
            anew=call.at_most_old < inf,
        )
        return running if span is None else _told(running, caller, span)

    return execute


async def _told(running: Coroutine[Any, Any, GraphQLResponse], caller: Caller, span: Span) -> GraphQLResponse:
    """The response; traces are told what kind of caller was answered, and the codes of what went wrong."""
    span.note("simpul.caller", caller.kind.value)
    response = await running
    codes = {str(each.get("extensions", {}).get("code", "")) for each in response.errors}
    if codes:
        span.note("simpul.codes", tuple(sorted(codes)))
    return response


def _application(caller: Caller, client: ClientId) -> Application:
    return Application(
        client=client,
        scopes=caller.scopes,
        is_partner=caller.kind is CallerKind.PARTNER,
        is_system=caller.kind is CallerKind.AGENCY_SYSTEM,
    )
