"""The composition root: settings -> connectors, callers, engine, schema -> application.

The only place where the parts of the hub are put together, and where the order of the stages can be read:
HTTP (`web/`) -> who asks (`auth/`) -> which operation (`engine/`) -> fields and their rules (`schema/`) -> batches
(`resolvers/`) -> agencies (`connectors/`). How each part is made of the settings stands in `wiring/`.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from types import MappingProxyType

from graphql import GraphQLSchema
from starlette.applications import Starlette
from starlette.types import Lifespan

from auth.crypto.agency_hook_signatures import AgencyHookSecrets
from auth.crypto.node_ids import NodeIds
from auth.oidc.page_session import SessionStore
from auth.policy.ledger_entry_builder import LedgerEntryBuilder
from auth.tokens.token_verifier import TokenVerifier
from auth.tokens.verified_token_cache import VerifiedTokenCache
from connectors.agency_probes import AgencyProbes
from connectors.resilience.gate import Gate
from engine.batch import Agencies
from engine.reporting.subject_reads import ReadRecorder
from engine.safe_traceback import safe_traceback
from resolvers.answer_cache import AnswerCache
from resolvers.reader_budgets import PeopleBudgetCharger
from schema.builder import build_schema, get_graphql_schema
from schema.tools.assessments import check_daily, refuse_unassessed_agencies
from schema.tools.document_fields import list_document_fields
from schema.tools.export_parts import build_export_parts
from services.consents.partner_consents import PartnerConsents
from services.ledger.data_tracker import UsageHistory
from services.ledger.read_recording import build_recorder, with_reader_budgets
from services.ledger.refusal_tally import NoRefusalStore, RefusalStore, RefusalTally
from services.rights.exports import ExportSlots
from settings import MAX_CONCURRENCY, Settings
from store.database import create_database_engine, migrate
from store.ledger.access_ledger import AccessLedger
from store.ledger.refusal_counts import RefusalTable
from store.operations.operation_registry import OperationRegistry
from store.page_sessions import PageSessionTable
from store.rights.exports import ExportTable
from telemetry.log_format import LogFormat, build_formatter
from telemetry.loop_exceptions import log_loop_exceptions
from telemetry.metrics.readers import ReaderMetrics
from telemetry.tracing import Tracing
from web.admission.load_shedder import LoadShedder
from web.application import WebApplication, build_web_application
from web.authentication import RequestAuthenticator
from web.endpoints.agency_hooks import AgencyHooks
from web.endpoints.consents import ConsentEndpoints
from web.endpoints.data_tracker import DataTracker
from web.endpoints.export import ExportParts
from web.middleware.entity_tags import EntityTags
from web.pages.graphiql import LoadSamplePeople
from web.pages.internal_client import InternalClient
from web.pages.page_renderer import PageRenderer
from web.rate_limits.build import build_rate_limits
from wiring.agencies import build_connectors, share_call_limits
from wiring.answer_cache import build_answer_cache
from wiring.consents import build_consent_parts
from wiring.execution import build_execute, build_export_engine, build_graphql_engine
from wiring.hub_domains import build_access_ledger, build_hub_domains, build_retention
from wiring.metrics import build_counters, build_metrics_endpoint, build_status_page
from wiring.operations import follow_operations
from wiring.pages import build_pages, build_sign_in
from wiring.reader_budgets import build_reader_budgets
from wiring.readiness import build_readiness_check
from wiring.token_issuers import build_issuer_keys, refresh_keys
from wiring.tracing import build_request_spans, build_tracing


def create_app(settings: Settings, *, sample_people: LoadSamplePeople | None = None) -> WebApplication:
    """The hub. `sample_people` are offered in GraphiQL, in development only."""
    configure_logging(settings.effective_log_format, with_messages=settings.development)
    tracing = build_tracing(settings)
    state = create_database_engine(settings.state_url.get_secret_value())
    connectors = build_connectors(settings, state)
    ledger = build_access_ledger(settings, state)
    schema = get_graphql_schema(build_schema())
    refuse_unassessed_agencies(settings.contracts, settings.policy, schema, development=settings.development)
    answer_cache = build_answer_cache(settings)
    consents = build_consent_parts(settings, state, () if answer_cache is None else (answer_cache.batches,), tracing)
    hub_domains = build_hub_domains(settings, state, schema, consents)
    accesses = LedgerEntryBuilder(hub_domains.pseudonyms, hidden_purposes=settings.disclosure_delays)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.enter_context(log_loop_exceptions())
            if tracing is not None:
                await stack.enter_async_context(tracing.run())
            stack.push_async_callback(state.dispose)
            stack.push_async_callback(connectors.close)
            await migrate(state)
            if ledger is not None:
                await ledger.start()
                stack.push_async_callback(ledger.close)
            if answer_cache is not None:
                await stack.enter_async_context(answer_cache.running())
            await stack.enter_async_context(build_retention(settings, state).run_daily())
            await stack.enter_async_context(consents.maintenance.running())
            stack.callback(asyncio.create_task(check_daily(settings.contracts, settings.policy, schema)).cancel)
            yield

    return compose(
        settings,
        schema=schema,
        agencies=connectors.bind_domains(hub_domains.build_domains()),
        agency_probes=connectors.build_agency_probes(),
        gates=connectors.gates,
        lifespan=lifespan,
        sample_people=sample_people,
        recorder=None if ledger is None else build_recorder(ledger, accesses),
        usages=UsageHistory(hub_domains.log, hub_domains.pseudonyms, accesses, ledger),
        registry=OperationRegistry(state),
        consents=consents.partners,
        sessions=PageSessionTable(state, idle=settings.session_idle),
        export_slots=ExportSlots(ExportTable(state), hub_domains.people),
        answer_cache=answer_cache,
        tracing=tracing,
        ledger=ledger,
        refusals=RefusalTable(state),
    )


def compose(
    settings: Settings,
    *,
    schema: GraphQLSchema,
    agencies: Agencies,
    agency_probes: AgencyProbes,
    gates: Mapping[str, Gate] = MappingProxyType({}),
    lifespan: Lifespan[Starlette],
    sample_people: LoadSamplePeople | None = None,
    coalescing: bool = True,
    cache_tokens: bool = True,
    recorder: ReadRecorder | None = None,
    usages: UsageHistory | None = None,
    registry: OperationRegistry | None = None,
    consents: PartnerConsents | None = None,
    sessions: SessionStore | None = None,
    export_slots: ExportSlots | None = None,
    answer_cache: AnswerCache | None = None,
    tracing: Tracing | None = None,
    ledger: AccessLedger | None = None,
    refusals: RefusalStore | None = None,
) -> WebApplication:
    """A hub over any schema of published records and the agencies that answer it: engine, callers, limits and HTTP.

    `lifespan` opens and closes what the agencies need. Without `coalescing`, equal operations that are under way at the
    same moment are run each on its own. Without `cache_tokens`, the signature of every token is checked every time.
    Without a `build_recorder`, nobody keeps who read what; without a `registry`, no operation is registered; without
    `consents`, nobody is asked for them; without `sessions`, nobody signs in to the hub's own pages; without
    `export_slots`, nobody fetches an export; without what is `answer_cache`, each request asks agencies for all of its
    own; without `tracing`, nobody is told of requests. Metrics tell about the `ledger`.
    """
    issuers = build_issuer_keys(settings)
    tokens = TokenVerifier(issuers, cache=VerifiedTokenCache() if cache_tokens else None)
    rate_limits = build_rate_limits(
        table=settings.rate_table,
        failed_tokens=settings.failed_tokens,
        redis=settings.redis_address,
        secret=settings.secret_bytes,
        trusted_proxies=settings.web.trusted_proxies,
        was_verified=tokens.was_verified,
    )
    share_call_limits(gates, rate_limits.shared, settings.secret_bytes)
    budgets = build_reader_budgets(settings, rate_limits.shared)
    agencies = agencies.extended_with({PeopleBudgetCharger: budgets})
    recorder = None if recorder is None else with_reader_budgets(recorder, budgets)
    load_shedder = LoadShedder(max_lag=settings.shed_after / 1000, lane=settings.lane, tokens=tokens)
    refusal_tally = RefusalTally(budgets.pseudonyms, refusals or NoRefusalStore())
    counters = build_counters(
        settings,
        gates,
        agencies,
        answer_cache=answer_cache,
        ledger=ledger,
        rate_limits=rate_limits,
        issuers=issuers,
        load_shedder=load_shedder,
        readers=ReaderMetrics(budgets.read_counts, refusal_tally.by_reason),
    )
    meter, pages = counters.operations, PageRenderer()
    engine = build_graphql_engine(
        settings,
        schema,
        coalescing=coalescing,
        recorder=recorder,
        daily_quotas=rate_limits.shared,
        meter=meter,
        refusals=refusal_tally,
    )
    make_execute = partial(
        build_execute,
        agencies=agencies,
        node_ids=NodeIds(settings.secret_bytes),
        policy=settings.policy,
        batch_cache=None if answer_cache is None else answer_cache.batches,
    )

    @asynccontextmanager
    async def full_lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(lifespan(app))
            if registry is not None:
                await stack.enter_async_context(follow_operations(registry, engine))
            await stack.enter_async_context(refresh_keys(issuers))
            await stack.enter_async_context(counters.collector.run())
            await stack.enter_async_context(refusal_tally.running())
            stack.push_async_callback(budgets.counts.close)
            yield

    client = settings.data_tracker_client
    authenticator = RequestAuthenticator(tokens.verify, settings.web, rate_limits.failed_tokens)
    tracker = None
    if usages and client:
        tracker = DataTracker(
            usages, client=client, authenticator=authenticator, caller_limiter=rate_limits.caller_limiter
        )
    return build_web_application(
        execute=make_execute(engine, schema_exposure=settings.schema_exposure),
        authenticate=tokens.verify,
        ready=build_readiness_check(
            agency_probes, gates, issuers, rate_limits, answer_cache, load_shedder=load_shedder
        ),
        settings=settings.web,
        sample_people=sample_people if settings.development else None,
        data_tracker=tracker,
        agency_hooks=None
        if answer_cache is None
        else AgencyHooks(answer_cache.batches, AgencyHookSecrets(settings.secret_bytes), MAX_CONCURRENCY),
        consents=None
        if consents is None
        else ConsentEndpoints(
            consents,
            authenticator=authenticator,
            public_url=settings.base_url,
            caller_limiter=rate_limits.caller_limiter,
        ),
        export=None
        if export_slots is None
        else ExportParts(
            parts=build_export_parts(schema),
            execute=make_execute(build_export_engine(settings, schema, recorder, meter), is_internal=True),
            slots=export_slots,
        ),
        pages=build_pages(
            settings,
            build_sign_in(settings, issuers, tokens),
            sessions,
            client=InternalClient(make_execute(engine, is_internal=True), rate_limits.caller_limiter),
            describe=partial(list_document_fields, schema),
            pages=pages,
        ),
        page_files=pages.routes(),
        requests=counters.requests,
        metrics=build_metrics_endpoint(settings, counters),
        status=build_status_page(settings, counters, pages),
        caller_limiter=rate_limits.caller_limiter,
        failed_tokens=rate_limits.failed_tokens,
        request_spans=build_request_spans(settings, tracing),
        entity_tags=EntityTags(settings.secret_bytes),
        load_shedder=load_shedder,
        lifespan=rate_limits.wrap_lifespan(full_lifespan),
    )


def configure_logging(log_format: LogFormat = LogFormat.TEXT, *, with_messages: bool = False) -> None:
    """One line an event on standard error. No part of the hub logs personal data.

    `with_messages`, the log gets the texts of exceptions, which may hold some.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(build_formatter(log_format, partial(safe_traceback, with_messages=with_messages)))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(log_format is LogFormat.JSON)
    logging.getLogger("alembic").setLevel(logging.WARNING)
