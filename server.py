"""The composition root: settings -> connectors, callers, engine, schema -> application.

The only place where the parts of the hub are put together, and where the order of the stages can be read:
HTTP (`web/`) -> who asks (`auth/`) -> which operation (`engine/`) -> fields and their rules (`schema/`) -> batches
(`resolvers/`) -> agencies (`connectors/`).
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from inspect import signature
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from graphql import GraphQLSchema
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.types import Lifespan

from auth.accesses import Accesses
from auth.caller import Caller, CallerKind
from auth.development import development_entry
from auth.entry_tokens import EntryTokens
from auth.issuer_keys import IssuerKeys
from auth.known_tokens import KnownTokens
from auth.node_ids import NodeIds
from auth.policy import Policy
from auth.pseudonyms import Pseudonyms
from auth.rules import heeds_wishes
from auth.sealed_people import SealedPeople
from auth.sealed_texts import SealedTexts
from auth.session import Sessions
from auth.sign_in import SignIn, SignInClient
from auth.tokens import TokenReader
from connectors.attendance import Attendance
from connectors.complaints import CityComplaints
from connectors.drivers.http import HttpDriver
from connectors.drivers.sql import SqlDriver
from connectors.issuer_documents import IssuerDocuments
from connectors.msmes import JakPreneur
from connectors.policies.gate import Gate
from connectors.population import PopulationRegister
from connectors.prices import FoodPrices
from connectors.regions import RegionTables
from connectors.tax import PropertyTax
from connectors.token_endpoint import TokenEndpoint
from engine.batch import Agencies
from engine.document import DocumentRules, RefusedRequest
from engine.limits import Limits, TooLarge
from engine.persisted import Application, PersistedDocuments
from engine.plan.explain import explain
from engine.plan.tree import NotPlannable
from engine.quota import Purse
from engine.reads import Recorder
from engine.request import GraphQLRequest, GraphQLResponse
from engine.run import Engine
from records.call import Call
from resolvers.complaints import Complaints
from resolvers.consent_parts import ConsentParts, consent_parts
from resolvers.exports import ExportSlots, KnownExports
from resolvers.msmes import Msmes
from resolvers.own_state import OwnState
from resolvers.partner_consents import PartnerConsents
from resolvers.population import Population
from resolvers.prices import Prices
from resolvers.recording import recorder
from resolvers.regions import Regions
from resolvers.request_desk import RequestDesk
from resolvers.tax import Tax
from resolvers.usages import Usages
from schema.access_page import access_page
from schema.asking import Asking
from schema.assessments import keep_looking, refuse_unassessed_agencies
from schema.build import build_schema, graphql_schema, sdl
from schema.consent_preview import opens
from schema.exports import export_parts
from schema.holdings import holders
from schema.shown import Describe, shown_fields
from settings import AT_ONCE, Settings
from store.access_ledger import AccessLedger
from store.access_log import AccessLog
from store.complaint_links import ComplaintLinkTable
from store.consent_tables import consent_tables
from store.data_requests import DataRequestTable
from store.database import database, migrate
from store.exports import ExportTable
from store.operations import OperationRegistry
from store.retained import retained
from store.retention import Retention
from store.wishes import WishTable
from web.access_log import LineFormatter
from web.application import WebApplication, web_application
from web.consents import ConsentEndpoints
from web.data_tracker import DataTracker
from web.export import PATH as EXPORT_PATH
from web.export import Exporting
from web.graphiql import SamplePeople
from web.graphql_endpoint import Execute
from web.health import AgencyReadiness, AgencyState, IssuerReadiness, IssuerState, Readiness
from web.limiting import Limiting, limiting
from web.own_graph import OwnGraph
from web.personal_pages import PersonalPages, personal_pages
from web.settings import Exposure
from web.sign_in_pages import CALLBACK
from web.who_asks import WhoAsks

DATA = Path(__file__).parent / "data"
_SIDE_BY_SIDE = 4
_MOST_BYTES = 8 * 1024 * 1024

_OWN = Application(client="simpul", is_hub=True)

D = TypeVar("D")


class Closable(Protocol):
    """Something that holds connections."""

    async def close(self) -> None:
        """Close them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connectors:
    """One connector for each domain."""

    population: PopulationRegister
    msmes: JakPreneur
    tax: PropertyTax
    complaints: CityComplaints
    prices: FoodPrices
    regions: RegionTables
    to_close: Sequence[Closable]
    """What holds connections to agencies."""
    gates: Mapping[str, Gate]
    """What every call to an agency passes, by agency."""

    def agencies(self, own: Mapping[type[Any], Any]) -> Agencies:
        """The connectors, and what the hub's own state answers, by domain; the types prove that each connector fits."""
        bound = dict(own)

        def bind(domain: type[D], connector: D) -> None:
            bound[domain] = connector

        bind(Population, self.population)
        bind(Msmes, self.msmes)
        bind(Tax, self.tax)
        bind(Complaints, self.complaints)
        bind(Prices, self.prices)
        bind(Regions, self.regions)
        return Agencies(bound)

    def attendance(self) -> Attendance:
        """Who tells whether each agency answers."""
        return Attendance(
            {
                "dukcapil": self.population,
                "jakpreneur": self.msmes,
                "pbb": self.tax,
                "crm": self.complaints,
                "pangan": self.prices,
            }
        )

    async def close(self) -> None:
        """Close every connection to an agency."""
        for each in self.to_close:
            await each.close()


def connect(settings: Settings, state: AsyncEngine) -> Connectors:
    """A connector for each agency; nothing is asked yet, so a dead agency does not stop the hub."""
    gates = {agency: Gate(agency, settings.terms(agency)) for agency in AT_ONCE}
    dukcapil = _sql(gates["dukcapil"], settings.dukcapil_url)
    jakpreneur = _sql(gates["jakpreneur"], settings.jakpreneur_url)
    crm = _http(gates["crm"], settings.crm_url, {"X-Api-Key": settings.crm_key})
    pangan = _http(gates["pangan"], settings.pangan_url, {"app-client-id": settings.pangan_key})
    tax = PropertyTax.connect(
        settings.pbb_url,
        user=settings.pbb_user,
        password=settings.pbb_password.get_secret_value(),
        deadline=gates["pbb"].deadline,
        at_once=min(settings.pbb_at_once, gates["pbb"].at_once),
        connections=gates["pbb"].at_once,
        gate=gates["pbb"],
    )
    links = None if settings.crm_reporter_extension else ComplaintLinkTable(state, settings.secret_bytes)
    return Connectors(
        population=PopulationRegister(dukcapil, keys_a_call=gates["dukcapil"].terms.keys_a_call),
        msmes=JakPreneur(jakpreneur, keys_a_call=gates["jakpreneur"].terms.keys_a_call),
        tax=tax,
        complaints=CityComplaints(
            crm,
            links=links,
            reporter_extension=settings.crm_reporter_extension,
            side_by_side=min(_SIDE_BY_SIDE, gates["crm"].at_once),
            keys_a_call=gates["crm"].terms.keys_a_call,
        ),
        prices=FoodPrices(pangan, side_by_side=min(_SIDE_BY_SIDE, gates["pangan"].at_once)),
        regions=RegionTables(DATA),
        to_close=(dukcapil, jakpreneur, crm, pangan, tax),
        gates=gates,
    )


def _sql(gate: Gate, url: SecretStr) -> SqlDriver:
    return SqlDriver(gate.agency, url.get_secret_value(), deadline=gate.deadline, pool_size=gate.at_once, gate=gate)


def _http(gate: Gate, url: str, headers: Mapping[str, SecretStr]) -> HttpDriver:
    return HttpDriver(
        gate.agency,
        url,
        headers={name: value.get_secret_value() for name, value in headers.items()},
        deadline=gate.deadline,
        connections=gate.at_once,
        max_bytes=_MOST_BYTES,
        gate=gate,
    )


def consenting(settings: Settings, state: AsyncEngine) -> ConsentParts:
    """What concerns consent, over the hub's own database."""
    return consent_parts(
        consent_tables(state),
        secret=settings.secret_bytes,
        policy=settings.policy,
        opens=opens,
        answer_within=timedelta(seconds=settings.consent_answer_within),
        patience=settings.webhook_timeout,
        development=settings.development,
    )


def own_state(
    settings: Settings, state: AsyncEngine, schema: GraphQLSchema, consents: ConsentParts | None = None
) -> OwnState:
    """What the hub knows by itself, out of its own database."""
    return OwnState(
        pseudonyms=Pseudonyms(settings.secret_bytes),
        people=SealedPeople(settings.secret_bytes),
        tokens=EntryTokens(settings.secret_bytes),
        log=AccessLog(state),
        wishes=WishTable(state),
        consents=(consents or consenting(settings, state)).own,
        requests=DataRequestTable(state),
        texts=SealedTexts(settings.secret_bytes),
        holders=holders(schema),
        exports=KnownExports(EXPORT_PATH, [each.name for each in export_parts(schema)]),
    )


def executor(
    engine: Engine,
    agencies: Agencies,
    node_ids: NodeIds,
    policy: Policy,
    *,
    shows_schema: Exposure = Exposure.OFF,
    hubs_own: bool = False,
) -> Execute:
    """What runs one request: everything that belongs to it lives and ends with it.

    Documents that are the `hubs_own` are registered nowhere, so no client is held to them, and nobody shares
    their runs.
    """
    signed_in_only = shows_schema is Exposure.SIGNED_IN

    def execute(
        request: GraphQLRequest, caller: Caller, call: Call, purse: Purse | None
    ) -> Coroutine[Any, Any, GraphQLResponse]:
        def opened() -> Asking:
            return Asking(caller=caller, call=call, agencies=agencies, node_ids=node_ids, policy=policy)

        client = caller.client
        application = _OWN if hubs_own else None if client is None else _application(caller, client)
        return engine.run(
            request,
            opened,
            who=caller,
            until=call.deadline,
            request_id=call.request_id,
            application=application,
            alone=hubs_own or heeds_wishes(caller),
            purse=purse,
            introspects=not signed_in_only or caller.kind is not CallerKind.ANONYMOUS,
        )

    return execute


def _application(caller: Caller, client: str) -> Application:
    return Application(
        client=client,
        scopes=caller.scopes,
        is_partner=caller.kind is CallerKind.PARTNER,
        is_system=caller.kind is CallerKind.AGENCY_SYSTEM,
    )


def create_app(settings: Settings, *, sample_people: SamplePeople | None = None) -> WebApplication:
    """The hub. `sample_people` are offered in GraphiQL, in development only."""
    configure_logging()
    state = database(settings.state_url.get_secret_value())
    connectors = connect(settings, state)
    ledger = AccessLedger(state, settings.secret_bytes, patience=settings.ledger_patience) if settings.ledger else None
    schema = graphql_schema(build_schema())
    refuse_unassessed_agencies(settings.contracts, settings.policy, schema, development=settings.development)
    consents = consenting(settings, state)
    own = own_state(settings, state, schema, consents)
    accesses = Accesses(own.pseudonyms, hidden=settings.hidden_for)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(state.dispose)
            stack.push_async_callback(connectors.close)
            await migrate(state)
            if ledger is not None:
                await ledger.start()
                stack.push_async_callback(ledger.close)
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
        slots=ExportSlots(ExportTable(state), own.people),
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
    slots: ExportSlots | None = None,
) -> WebApplication:
    """A hub over any schema of published records and the agencies that answer it: engine, callers, limits and HTTP.

    `lifespan` opens and closes what the agencies need. Without `coalescing`, equal operations that are under way at the
    same moment are run each on its own. Without `known_tokens`, the signature of every token is checked every time.
    Without a `recorder`, nobody keeps who read what; without a `registry`, no operation is registered; without
    `consents`, nobody is asked for them; without `slots`, nobody fetches an export.
    """
    issuers = trusted_issuers(settings)
    tokens = TokenReader(issuers, known=KnownTokens() if known_tokens else None)
    limits = limiting(
        table=settings.rate_table,
        failed_tokens=settings.failed_tokens,
        redis=None if settings.redis_url is None else settings.redis_url.get_secret_value(),
        secret=settings.secret_bytes,
        trusted_proxies=settings.web.trusted_proxies,
        known=tokens.known_caller,
    )
    engine = Engine(
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
            together=limits.shared,
        ),
    )
    answering = (agencies, NodeIds(settings.secret_bytes), settings.policy)
    exporting = None
    if slots is not None:
        rules = DocumentRules(limits=settings.limits, introspection=False, suggestions=False)
        own = executor(Engine(schema, rules, recorder=recorder), *answering, hubs_own=True)
        exporting = Exporting(parts=export_parts(schema), execute=own, slots=slots)
    client = settings.data_tracker_client
    who_asks = WhoAsks(tokens.caller, settings.web, limits.failed_tokens)
    tracker = None
    if usages and client:
        tracker = DataTracker(usages, client=client, who_asks=who_asks, allowances=limits.allowances)
    return web_application(
        execute=executor(engine, *answering, shows_schema=settings.shows_schema),
        authenticate=tokens.caller,
        ready=readiness(attendance, gates, issuers, limits),
        settings=settings.web,
        sample_people=sample_people if settings.development else None,
        data_tracker=tracker,
        consents=None
        if consents is None
        else ConsentEndpoints(consents, who_asks=who_asks, public_url=settings.own_url, allowances=limits.allowances),
        exporting=exporting,
        pages=own_pages(
            settings,
            sign_in_at(settings, issuers, tokens),
            OwnGraph(executor(engine, *answering, hubs_own=True), limits.allowances),
            partial(shown_fields, schema),
        ),
        allowances=limits.allowances,
        failed_tokens=limits.failed_tokens,
        lifespan=limits.during(
            _with_fresh_keys(issuers, lifespan if registry is None else _following(registry, engine, lifespan))
        ),
    )


def sign_in_at(settings: Settings, issuers: Sequence[IssuerKeys], tokens: TokenReader) -> SignIn | None:
    """How people sign in to the hub's own pages; None where no issuer is named for it. Nothing is asked yet."""
    keys = next((each for each in issuers if each.issuer.name == settings.sign_in_issuer), None)
    if keys is None or settings.sign_in_client is None:
        return None
    secret, patience = settings.sign_in_secret, _patience(settings)
    return SignIn(
        keys,
        SignInClient(
            id=settings.sign_in_client,
            secret=None if secret is None else secret.get_secret_value(),
            redirect_uri=f"{settings.own_url}{CALLBACK}",
            scopes=settings.sign_in_scopes,
        ),
        secret=settings.secret_bytes,
        documents=IssuerDocuments(keys.issuer.name, patience=patience),
        desk=TokenEndpoint(keys.issuer.name, patience=patience),
        tokens=tokens,
    )


def own_pages(settings: Settings, sign_in: SignIn | None, graph: OwnGraph, describe: Describe) -> PersonalPages | None:
    """The hub's own pages, where people can sign in to them."""
    if sign_in is None:
        return None
    return personal_pages(
        sign_in,
        Sessions(settings.secret_bytes),
        graph,
        describe,
        public_url=settings.own_url,
        with_messages=settings.development,
    )


def _following(registry: OperationRegistry, engine: Engine, lifespan: Lifespan[Starlette]) -> Lifespan[Starlette]:
    """The lifespan, in which the engine knows what is registered: before the first request, and from then on."""

    @asynccontextmanager
    async def both(app: Starlette) -> AsyncIterator[None]:
        async with lifespan(app):
            seen = await registry.hand_over(engine.know)
            following = asyncio.create_task(registry.follow(engine.know, seen=seen))
            try:
                yield
            finally:
                following.cancel()
                await asyncio.wait([following])

    return both


def trusted_issuers(settings: Settings) -> Sequence[IssuerKeys]:
    """Whose tokens are believed; nothing is asked yet, so a dead issuer does not stop the hub."""
    found = [IssuerKeys(each, IssuerDocuments(each.name, patience=_patience(settings))) for each in settings.issuers]
    if settings.issuer_keys is not None:
        found.append(IssuerKeys(development_entry(settings.issuer_keys)))
    return found


def _patience(settings: Settings) -> float:
    """Seconds for one document of an issuer: two are read in turn, and requests wait for them."""
    return min(settings.agency_timeout, settings.request_timeout / 2)


def _with_fresh_keys(issuers: Sequence[IssuerKeys], lifespan: Lifespan[Starlette]) -> Lifespan[Starlette]:
    """The lifespan, with the issuers' keys read from time to time in it."""

    @asynccontextmanager
    async def both(app: Starlette) -> AsyncIterator[None]:
        async with lifespan(app):
            tasks = [asyncio.create_task(each.keep_fresh()) for each in issuers if each.remote]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                for each in issuers:
                    await each.close()

    return both


def readiness(
    attendance: Attendance, gates: Mapping[str, Gate], issuers: Sequence[IssuerKeys], limits: Limiting
) -> Callable[[], Awaitable[Readiness]]:
    """What `/health/ready` reports."""

    async def ready() -> Readiness:
        failures = await attendance.failures()
        return Readiness(
            serving=True,
            agencies=[
                AgencyReadiness(
                    name=name,
                    state=AgencyState.UP if failure is None else AgencyState.DOWN,
                    detail=None if failure is None else failure.code,
                    gate=gates.get(name),
                )
                for name, failure in failures.items()
            ],
            issuers=[
                IssuerReadiness(name=each.issuer.name, state=IssuerState(each.state.value))
                for each in issuers
                if each.remote
            ],
            limits=limits.state,
        )

    return ready


def retention(settings: Settings, state: AsyncEngine) -> Retention:
    """What removes from the hub's database whatever is kept for a time."""
    return Retention(state, settings.secret_bytes, retained(), settings.keeping)


def configure_logging() -> None:
    """One line an event on standard error. No part of the hub logs personal data."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def build_schema_sdl() -> str:
    """The schema in the schema definition language, as `schema/schema.graphql` holds it."""
    return sdl(build_schema())


def build_access_page() -> str:
    """Who sees what of the graph, as `docs/frontend/access.md` holds it."""
    return access_page(graphql_schema(build_schema()))


def examiner(*, introspection: bool = False) -> Engine:
    """An engine over the hub's graph that looks at operations and asks nobody, with the limits of a hub of default."""
    fields = Settings.model_fields
    within = fields["pangan_burst"].default + int(fields["pangan_rate"].default * fields["request_timeout"].default)
    rules = DocumentRules(limits=Limits(calls_to={"pangan": within}), introspection=introspection, suggestions=True)
    return Engine(graphql_schema(build_schema()), rules)


@asynccontextmanager
async def operation_registry(settings: Settings) -> AsyncIterator[OperationRegistry]:
    """The registry in the hub's database, for the length of the block."""
    state = database(settings.state_url.get_secret_value())
    try:
        await migrate(state)
        yield OperationRegistry(state)
    finally:
        await state.dispose()


@asynccontextmanager
async def request_desk(settings: Settings) -> AsyncIterator[RequestDesk]:
    """Where people's requests about their own data are answered, for the length of the block."""
    state = database(settings.state_url.get_secret_value())
    ledger = AccessLedger(state, settings.secret_bytes, patience=settings.ledger_patience) if settings.ledger else None
    try:
        await migrate(state)
        own = own_state(settings, state, graphql_schema(build_schema()))
        if ledger is not None:
            await ledger.start()
        accesses = Accesses(own.pseudonyms, hidden=settings.hidden_for)
        yield RequestDesk(own.data_requests(), None if ledger is None else recorder(ledger, accesses))
    finally:
        if ledger is not None:
            await ledger.close()
        await state.dispose()


def explained(document: str, *, operation_name: str | None, variables: Mapping[str, Any]) -> tuple[str, str]:
    """The plan of an operation over the hub's graph as text, and the Python source it was compiled to.

    Raises `ValueError` with what is wrong with the document, or why it has no plan.
    """
    engine = examiner(introspection=True)
    limits = engine.rules.limits
    request = GraphQLRequest(query=document, operation_name=operation_name, variables=variables)
    try:
        plan, cost = engine.explained(request)
    except RefusedRequest as refused:
        raise ValueError("; ".join(error["message"] for error in refused.errors)) from refused
    except TooLarge as refusal:
        raise ValueError(str(refusal)) from refusal
    except NotPlannable as reason:
        raise ValueError(f"graphql-core runs this operation, because of: {reason}") from reason
    bounds = {
        "pbb": Settings.model_fields["pbb_at_once"].default,
        "pangan": signature(FoodPrices).parameters["side_by_side"].default,
    }
    return explain(plan, cost).as_text(limits, bounds), plan.source
