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

from auth.accesses import Accesses
from auth.hook_signatures import HookSecrets
from auth.known_tokens import KnownTokens
from auth.node_ids import NodeIds
from auth.session import LiveSessions
from auth.tokens import TokenReader
from connectors.attendance import Attendance
from connectors.policies.gate import Gate
from engine.batch import Agencies
from engine.reads import Recorder
from engine.story import story
from resolvers.exports import ExportSlots
from resolvers.kept_answers import KeptAnswers
from resolvers.partner_consents import PartnerConsents
from resolvers.people_budgets import PeopleBudgets
from resolvers.recording import recorder, within_budgets
from resolvers.refusals import NoRefusalStore, RefusalStore, RefusalTally
from resolvers.usages import Usages
from schema.assessments import keep_looking, refuse_unassessed_agencies
from schema.build import build_schema, graphql_schema
from schema.exports import export_parts
from schema.shown import shown_fields
from settings import AT_ONCE, Settings
from store.access_ledger import AccessLedger
from store.database import database, migrate
from store.exports import ExportTable
from store.operations import OperationRegistry
from store.page_sessions import PageSessionTable
from store.refusals import RefusalTable
from telemetry.log_lines import LogForm, lines
from telemetry.loop_faults import faults_told
from telemetry.metrics.readers import ReaderNumbers
from telemetry.traces import Traces
from web.agency_hooks import AgencyHooks
from web.application import WebApplication, web_application
from web.consents import ConsentEndpoints
from web.data_tracker import DataTracker
from web.entity_tags import EntityTags
from web.export import Exporting
from web.graphiql import SamplePeople
from web.limiting import limiting
from web.own_graph import OwnGraph
from web.pages import Pages
from web.shedding import Shedding
from web.who_asks import WhoAsks
from wiring.agencies import connect, count_together
from wiring.answering import answering_engine, executor, exporting_engine
from wiring.callers import fresh_keys, trusted_issuers
from wiring.consents import consenting
from wiring.kept_answers import kept_answers
from wiring.metrics import counting, metrics, status_page
from wiring.operations import following
from wiring.own_state import access_ledger, own_state, retention
from wiring.pages import own_pages, sign_in_at
from wiring.reader_budgets import reader_budgets
from wiring.readiness import readiness
from wiring.traces import request_spans, traces_of


def create_app(settings: Settings, *, sample_people: SamplePeople | None = None) -> WebApplication:
    """The hub. `sample_people` are offered in GraphiQL, in development only."""
    configure_logging(settings.logs_as, with_messages=settings.development)
    traces = traces_of(settings)
    state = database(settings.state_url.get_secret_value())
    connectors = connect(settings, state)
    ledger = access_ledger(settings, state)
    schema = graphql_schema(build_schema())
    refuse_unassessed_agencies(settings.contracts, settings.policy, schema, development=settings.development)
    kept = kept_answers(settings)
    consents = consenting(settings, state, () if kept is None else (kept.batches,), traces)
    own = own_state(settings, state, schema, consents)
    accesses = Accesses(own.pseudonyms, hidden=settings.hidden_for)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.enter_context(faults_told())
            if traces is not None:
                await stack.enter_async_context(traces.running())
            stack.push_async_callback(state.dispose)
            stack.push_async_callback(connectors.close)
            await migrate(state)
            if ledger is not None:
                await ledger.start()
                stack.push_async_callback(ledger.close)
            if kept is not None:
                await stack.enter_async_context(kept.running())
            await stack.enter_async_context(retention(settings, state).daily())
            await stack.enter_async_context(consents.upkeep.running())
            stack.callback(asyncio.create_task(keep_looking(settings.contracts, settings.policy, schema)).cancel)
            yield

    return compose(
        settings,
        schema=schema,
        agencies=connectors.agencies(own.domains()),
        attendance=connectors.attendance(),
        gates=connectors.gates,
        lifespan=lifespan,
        sample_people=sample_people,
        recorder=None if ledger is None else recorder(ledger, accesses),
        usages=Usages(own.log, own.pseudonyms, accesses, ledger),
        registry=OperationRegistry(state),
        consents=consents.partners,
        sessions=PageSessionTable(state, idle=settings.session_idle),
        slots=ExportSlots(ExportTable(state), own.people),
        kept=kept,
        traces=traces,
        ledger=ledger,
        refusals=RefusalTable(state),
    )


def compose(
    settings: Settings,
    *,
    schema: GraphQLSchema,
    agencies: Agencies,
    attendance: Attendance,
    gates: Mapping[str, Gate] = MappingProxyType({}),
    lifespan: Lifespan[Starlette],
    sample_people: SamplePeople | None = None,
    coalescing: bool = True,
    known_tokens: bool = True,
    recorder: Recorder | None = None,
    usages: Usages | None = None,
    registry: OperationRegistry | None = None,
    consents: PartnerConsents | None = None,
    sessions: LiveSessions | None = None,
    slots: ExportSlots | None = None,
    kept: KeptAnswers | None = None,
    traces: Traces | None = None,
    ledger: AccessLedger | None = None,
    refusals: RefusalStore | None = None,
) -> WebApplication:
    """A hub over any schema of published records and the agencies that answer it: engine, callers, limits and HTTP.

    `lifespan` opens and closes what the agencies need. Without `coalescing`, equal operations that are under way at the
    same moment are run each on its own. Without `known_tokens`, the signature of every token is checked every time.
    Without a `recorder`, nobody keeps who read what; without a `registry`, no operation is registered; without
    `consents`, nobody is asked for them; without `sessions`, nobody signs in to the hub's own pages; without `slots`,
    nobody fetches an export; without what is `kept`, each request asks agencies for all of its own; without `traces`,
    nobody is told of requests. Metrics tell about the `ledger`.
    """
    issuers = trusted_issuers(settings)
    tokens = TokenReader(issuers, known=KnownTokens() if known_tokens else None)
    limits = limiting(
        table=settings.rate_table,
        failed_tokens=settings.failed_tokens,
        redis=settings.redis_address,
        secret=settings.secret_bytes,
        trusted_proxies=settings.web.trusted_proxies,
        proved=tokens.proved,
    )
    count_together(gates, limits.shared, settings.secret_bytes)
    budgets = reader_budgets(settings, limits.shared)
    agencies = agencies.extended_by({PeopleBudgets: budgets})
    recorder = None if recorder is None else within_budgets(recorder, budgets)
    shedding = Shedding(after=settings.shed_after / 1000, lane=settings.lane, tokens=tokens)
    tally = RefusalTally(budgets.pseudonyms, refusals or NoRefusalStore())
    counts = counting(
        settings,
        gates,
        agencies,
        kept=kept,
        ledger=ledger,
        limits=limits,
        issuers=issuers,
        shedding=shedding,
        readers=ReaderNumbers(budgets.read, tally.by_reason),
    )
    meter, pages = counts.operations, Pages()
    engine = answering_engine(
        settings,
        schema,
        coalescing=coalescing,
        recorder=recorder,
        together=limits.shared,
        meter=meter,
        refusals=tally,
    )
    answering = partial(
        executor,
        agencies=agencies,
        node_ids=NodeIds(settings.secret_bytes),
        policy=settings.policy,
        keeping=None if kept is None else kept.batches,
    )

    @asynccontextmanager
    async def whole(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(lifespan(app))
            if registry is not None:
                await stack.enter_async_context(following(registry, engine))
            await stack.enter_async_context(fresh_keys(issuers))
            await stack.enter_async_context(counts.measuring.running())
            await stack.enter_async_context(tally.running())
            stack.push_async_callback(budgets.counts.close)
            yield

    client = settings.data_tracker_client
    who_asks = WhoAsks(tokens.caller, settings.web, limits.failed_tokens)
    tracker = None
    if usages and client:
        tracker = DataTracker(usages, client=client, who_asks=who_asks, allowances=limits.allowances)
    return web_application(
        execute=answering(engine, shows_schema=settings.shows_schema),
        authenticate=tokens.caller,
        ready=readiness(attendance, gates, issuers, limits, kept, shedding=shedding),
        settings=settings.web,
        sample_people=sample_people if settings.development else None,
        data_tracker=tracker,
        agency_hooks=None if kept is None else AgencyHooks(kept.batches, HookSecrets(settings.secret_bytes), AT_ONCE),
        consents=None
        if consents is None
        else ConsentEndpoints(consents, who_asks=who_asks, public_url=settings.own_url, allowances=limits.allowances),
        exporting=None
        if slots is None
        else Exporting(
            parts=export_parts(schema),
            execute=answering(exporting_engine(settings, schema, recorder, meter), hubs_own=True),
            slots=slots,
        ),
        pages=own_pages(
            settings,
            sign_in_at(settings, issuers, tokens),
            sessions,
            graph=OwnGraph(answering(engine, hubs_own=True), limits.allowances),
            describe=partial(shown_fields, schema),
            pages=pages,
        ),
        page_files=pages.routes(),
        requests=counts.requests,
        metrics=metrics(settings, counts),
        status=status_page(settings, counts, pages),
        allowances=limits.allowances,
        failed_tokens=limits.failed_tokens,
        spans=request_spans(settings, traces),
        entity_tags=EntityTags(settings.secret_bytes),
        shedding=shedding,
        lifespan=limits.during(whole),
    )


def configure_logging(form: LogForm = LogForm.TEXT, *, with_messages: bool = False) -> None:
    """One line an event on standard error. No part of the hub logs personal data.

    `with_messages`, the log gets the texts of exceptions, which may hold some.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(lines(form, partial(story, with_messages=with_messages)))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(form is LogForm.JSON)
    logging.getLogger("alembic").setLevel(logging.WARNING)
