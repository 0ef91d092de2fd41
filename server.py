"""The composition root: settings -> connectors, callers, engine, schema -> application.

The only place that connects the parts of the hub and shows the order of the stages: HTTP (`web/`) -> caller (`auth/`)
-> operation (`engine/`) -> fields and their rules (`schema/`) -> batches (`resolvers/`) -> agencies (`connectors/`).
`wiring/` builds each part from the settings.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib import import_module

from starlette.applications import Starlette

from auth.crypto.node_ids import NodeIds
from engine.cost_budgets import NO_QUOTA_STORE
from engine.run_request import RunReporting
from engine.safe_traceback import safe_traceback
from records.city_areas import CityAreas
from records.city_services import ServiceCatalogue
from records.service_levels import ServiceLevels
from resolvers.reader_budgets import PeopleBudgetCharger
from schema.builder import build_schema, get_graphql_schema
from schema.tools.assessments import check_daily, refuse_unassessed_agencies
from schema.tools.document_fields import GraphDocuments, list_coordinates
from schema.tools.personal_copies import refuse_unsealed_copies
from services.ledger.data_tracker import UsageHistory
from services.ledger.ledger_entry_builder import LedgerEntryBuilder
from services.ledger.read_recording import build_recorder, with_reader_budgets
from services.rights.exports import ExportSlots
from settings import Settings
from settings.city.folder import CityFolder
from store.database import create_database_engine, migrate
from store.ledger.refusal_counts import RefusalTable
from store.operations.operation_registry import OperationRegistry
from store.page_sessions import PageSessionTable
from store.rights.exports import ExportTable
from store.usage.service_use_table import ServiceUseTable
from telemetry.log_format import LogFormat, build_formatter
from telemetry.loop_exceptions import log_loop_exceptions
from web.application import WebApplication, build_web_application
from web.middleware.entity_tags import EntityTags
from web.pages.graphiql import LoadSamplePeople
from web.pages.internal_client import InternalClient
from web.pages.page_renderer import PageLinks, PageRenderer
from web.settings import Exposure
from web.web_parts import WebParts
from wiring.agencies import build_answer_cache, build_connectors, list_agency_codes, share_call_limits
from wiring.callers import build_caller_parts
from wiring.commands import build_command_services
from wiring.consents import build_consent_parts
from wiring.endpoints import build_endpoints, build_export, build_photo_endpoint
from wiring.execution import RequestResources, build_execute, build_export_engine, build_graphql_engine
from wiring.hub_domains import (
    build_access_ledger,
    build_hub_domains,
    build_retention,
    build_service_catalogue,
    build_use_tally,
    find_service_marks,
)
from wiring.hub_parts import HubParts
from wiring.operations import follow_operations
from wiring.pages import SUBMIT_COMPLAINT, build_pages, build_sign_in
from wiring.readiness import build_readiness_check
from wiring.telemetry import (
    build_counters,
    build_metrics_endpoint,
    build_request_spans,
    build_status_page,
    build_tracing,
)
from wiring.token_issuers import refresh_keys


def preload(city: CityFolder) -> None:
    """Build the graph once, for all processes that are forked from this one: they share its memory."""
    build_schema(list_agency_codes(city))


def import_optional_parts(settings: Settings) -> None:
    """Import the parts that only some settings need, for all processes that are forked from this one.

    The hub imports them only where it builds them. Their libraries, redis-py, throttled-py and the SDK of
    OpenTelemetry, take 9 MiB of a process that does not need them.
    """
    needed = ["telemetry.tracing"] if settings.traces_url is not None else []
    if settings.redis is not None:
        needed += ["cache.limits.redis_counters", "cache.answers.redis_tier"]
    for name in needed:
        import_module(name)


def create_app(settings: Settings, *, sample_people: LoadSamplePeople | None = None) -> WebApplication:
    """Build the hub. `sample_people` are offered in GraphiQL, in development only."""
    configure_logging(settings.effective_log_format, with_messages=settings.development)
    tracing = build_tracing(settings)
    state = create_database_engine(settings.state_url.get_secret_value())
    connectors = build_connectors(settings, state)
    ledger = build_access_ledger(settings, state)
    schema = get_graphql_schema(build_schema(connectors.codes))
    refuse_unassessed_agencies(settings.contracts, settings.policy, schema, development=settings.development)
    refuse_unsealed_copies(connectors.list_unsealed_records(), schema)
    answer_cache = build_answer_cache(settings)
    consents = build_consent_parts(settings, state, list_coordinates(schema), answer_cache.readers, tracing)
    commands = build_command_services(settings, state, connectors, answer_cache.readers)
    hub_domains = build_hub_domains(settings, state, schema, consents)
    accesses = LedgerEntryBuilder(hub_domains.pseudonyms, hidden_purposes=settings.disclosure_delays)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.enter_context(log_loop_exceptions())
            await stack.enter_async_context(tracing.run())
            stack.push_async_callback(state.dispose)
            stack.push_async_callback(connectors.close)
            await migrate(state)
            await ledger.start()
            stack.push_async_callback(ledger.close)
            await stack.enter_async_context(answer_cache.running())
            await stack.enter_async_context(connectors.loading(answer_cache.readers))
            await stack.enter_async_context(build_retention(settings, state).run_daily())
            await stack.enter_async_context(consents.maintenance.running())
            await stack.enter_async_context(commands.delivering())
            stack.callback(asyncio.create_task(check_daily(settings.contracts, settings.policy, schema)).cancel)
            yield

    return compose(
        settings,
        HubParts(
            schema=schema,
            agencies=connectors.bind_domains(
                {**hub_domains.build_domains(), **commands.build_domains()}, commands.extend
            ),
            agency_probes=connectors.build_agency_probes(),
            gates=connectors.gates,
            get_credential_expiries=connectors.get_credential_expiries,
            get_snapshots=connectors.get_snapshot_statuses,
            get_commands=commands.get_open_commands,
            photos=commands.photos,
            shadows=connectors.shadow_counts,
            lifespan=lifespan,
            sample_people=sample_people,
            recorder=build_recorder(ledger, accesses),
            usages=UsageHistory(hub_domains.log, hub_domains.pseudonyms, accesses, ledger, hub_domains.names),
            registry=OperationRegistry(state),
            consents=consents.partners,
            sessions=PageSessionTable(state, idle=settings.session_idle),
            export_slots=ExportSlots(ExportTable(state), hub_domains.people),
            answer_cache=answer_cache,
            tracing=tracing,
            ledger=ledger,
            refusals=RefusalTable(state),
            service_uses=ServiceUseTable(state),
        ),
    )


def compose(settings: Settings, parts: HubParts) -> WebApplication:
    """Build the hub from its parts: engine, callers, limits and HTTP."""
    schema = parts.schema
    callers = build_caller_parts(settings, cache_tokens=parts.cache_tokens, refusals=parts.refusals)
    rate_limits = callers.rate_limits
    share_call_limits(parts.gates, rate_limits.shared, settings.secret_bytes)
    service_marks = find_service_marks(settings, schema)
    agencies = parts.agencies.extended_with(
        {
            PeopleBudgetCharger: callers.budgets,
            ServiceLevels: settings.city.city.build_service_levels(),
            CityAreas: settings.city.city.build_areas(),
            ServiceCatalogue: build_service_catalogue(settings, service_marks, parts.gates),
        }
    )
    counters = build_counters(settings, parts, callers, agencies.read_counts)
    uses = build_use_tally(service_marks, parts.service_uses)
    reporting = RunReporting(
        recorder=with_reader_budgets(parts.recorder, callers.budgets),
        meter=counters.operations,
        refusals=callers.refusals,
        uses=uses,
    )
    engine = build_graphql_engine(
        settings,
        schema,
        coalescing=parts.coalescing,
        reporting=reporting,
        daily_quotas=rate_limits.shared or NO_QUOTA_STORE,
        batch_cache=parts.answer_cache.batch_cache,
    )
    callers.load_shedder.add_queue(engine.run_starts.get_wait)
    make_execute = partial(
        build_execute,
        resources=RequestResources(
            agencies=agencies,
            node_ids=NodeIds(settings.secret_bytes),
            policy=settings.policy,
            batch_cache=parts.answer_cache.batch_cache,
        ),
    )

    @asynccontextmanager
    async def full_lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(parts.lifespan(app))
            await stack.enter_async_context(follow_operations(parts.registry, engine))
            await stack.enter_async_context(refresh_keys(callers.issuers))
            await stack.enter_async_context(counters.collector.run())
            await stack.enter_async_context(callers.refusals.running())
            await stack.enter_async_context(uses.running())
            stack.push_async_callback(callers.budgets.counts.close)
            yield

    documents = GraphDocuments(schema)
    sign_in = build_sign_in(settings, callers, parts.sessions)
    renderer = PageRenderer(
        PageLinks(
            sign_in=sign_in is not None,
            complaints=documents.has_mutation(SUBMIT_COMPLAINT),
            status=settings.status_page and bool(counters.agency_names),
            graphiql=settings.web.graphiql is not Exposure.OFF,
            sandbox=settings.development and parts.sample_people is not None,
        ),
        settings.city.names,
    )
    export_engine = build_export_engine(settings, schema, reporting)
    export = build_export(settings, parts, callers, make_execute(export_engine, is_internal=True))
    pages = build_pages(
        settings,
        sign_in,
        client=InternalClient(make_execute(engine, is_internal=True), rate_limits.caller_limiter),
        documents=documents,
        pages=renderer,
        exports=export,
    )
    endpoints = (
        renderer,
        build_photo_endpoint(settings, parts, callers, sign_in, make_execute(engine, is_internal=True)),
        build_metrics_endpoint(settings, counters),
        build_status_page(settings, counters, renderer),
        *build_endpoints(settings, parts, callers),
        export,
        pages,
    )
    return build_web_application(
        WebParts(
            execute=make_execute(engine, schema_exposure=settings.schema_exposure),
            shared_answers=engine.shared_answers,
            authenticate=callers.tokens.verify,
            ready=build_readiness_check(parts, callers),
            settings=settings.web,
            endpoints=[each for each in endpoints if each is not None],
            sample_people=parts.sample_people if settings.development else None,
            requests=counters.requests,
            caller_limiter=rate_limits.caller_limiter,
            failed_tokens=rate_limits.failed_tokens,
            request_spans=build_request_spans(settings, parts.tracing),
            entity_tags=EntityTags(settings.secret_bytes),
            pages=renderer,
            load_shedder=callers.load_shedder,
            lifespan=rate_limits.wrap_lifespan(full_lifespan),
        )
    )


def configure_logging(log_format: LogFormat = LogFormat.TEXT, *, with_messages: bool = False) -> None:
    """Log one line for each event on standard error. No part of the hub logs personal data.

    With `with_messages`, the log contains the texts of exceptions, which may hold some.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(build_formatter(log_format, partial(safe_traceback, with_messages=with_messages)))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(log_format is LogFormat.JSON)
    logging.getLogger("alembic").setLevel(logging.WARNING)
