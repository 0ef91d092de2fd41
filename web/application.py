"""The hub's HTTP application, put together from what the composition root hands in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from telemetry.metrics.requests import RequestCounts
from web.access_log import AccessLog
from web.address_limits import AddressLimits
from web.agency_hooks import AgencyHooks
from web.allowances import FIELDS, Allowances
from web.consents import ConsentEndpoints
from web.csrf import PREFLIGHT_HEADERS
from web.data_tracker import DataTracker
from web.entity_tags import EntityTags
from web.error_answers import on_http_exception, on_refusal
from web.export import ExportEndpoint, Exporting
from web.failed_tokens import FailedTokens
from web.graphiql import GraphiQL, SamplePeople
from web.graphql_endpoint import METHODS, PATH, Execute, GraphQLEndpoint
from web.health import Health, Ready
from web.hosts import METRICS, WATCHED, KnownHosts
from web.incidents import Incidents
from web.metrics import Metrics
from web.personal_pages import PersonalPages
from web.refusals import Refusal
from web.request_body import RequestBody
from web.request_identity import RequestIdentity
from web.request_spans import RequestSpans
from web.security_headers import SecurityHeaders
from web.settings import Exposure, WebSettings
from web.shed_paths import ShedPaths
from web.shedding import Shedding
from web.status_page import StatusPage
from web.who_asks import CASE, PURPOSE, Authenticate, WhoAsks


class WebApplication:
    """The hub's HTTP side (ASGI): `/graphql` straight, everything else through Starlette. See `web_application`."""

    def __init__(
        self,
        *,
        graphql: ASGIApp,
        others: ASGIApp,
        paths: Collection[str],
        access_log: AccessLog,
        preflights: bool,
        shedding: Shedding | None = None,
    ) -> None:
        """Put the two together; with `preflights`, browsers' questions about `/graphql` are Starlette's, too."""
        self.paths = paths
        """The paths that are served, as the access log calls them."""
        self._graphql = graphql
        self._others = others
        self._access_log = access_log
        self._preflights = preflights
        self._shedding = shedding

    def turned_away(self) -> None:
        """A request was refused since there are too many connections."""
        if self._shedding is not None:
            self._shedding.turned_away()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the server's beginning and end."""
        if scope["type"] == "lifespan":
            try:
                await self._others(scope, receive, send)
            finally:
                self._access_log.flush()
        elif scope["type"] != "http" or scope["path"] != PATH or (self._preflights and _is_preflight(scope)):
            await self._others(scope, receive, send)
        else:
            await self._graphql(scope, receive, send)


def _is_preflight(scope: Scope) -> bool:
    """Whether a browser asks what a page of another origin may send (Fetch standard, "CORS-preflight request")."""
    return scope["method"] == "OPTIONS" and any(
        name == b"access-control-request-method" for name, _ in scope["headers"]
    )


def web_application(
    *,
    execute: Execute,
    authenticate: Authenticate,
    ready: Ready,
    settings: WebSettings,
    sample_people: SamplePeople | None = None,
    data_tracker: DataTracker | None = None,
    agency_hooks: AgencyHooks | None = None,
    consents: ConsentEndpoints | None = None,
    exporting: Exporting | None = None,
    pages: PersonalPages | None = None,
    page_files: Sequence[Route] = (),
    lifespan: Lifespan[Starlette] | None = None,
    allowances: Allowances | None = None,
    failed_tokens: FailedTokens | None = None,
    spans: RequestSpans | None = None,
    entity_tags: EntityTags | None = None,
    shedding: Shedding | None = None,
    requests: RequestCounts | None = None,
    metrics: Metrics | None = None,
    status: StatusPage | None = None,
) -> WebApplication:
    """The application.

    Args:
        execute: Runs a GraphQL request.
        authenticate: Proves who asks.
        ready: Tells how the hub and its agencies are.
        settings: Limits and switches.
        sample_people: Whom a developer may ask as, in GraphiQL. Their tokens are readable by whoever reaches the page,
            so it is given in development only.
        agency_hooks: Who hears from agencies that something changed.
        data_tracker: Who tells the Data Tracker about usages, where a client may ask.
        consents: Where partners ask for consent.
        exporting: What a person's export takes, where there are any.
        pages: The hub's own pages for people who sign in, where there is an issuer for them.
        page_files: What the hub's pages load.
        lifespan: What is opened before the first request and closed after the last.
        allowances: How often, and for how much, each caller may ask; without them, nothing limits anybody.
        failed_tokens: Who counts tokens that prove nobody.
        spans: Who tells traces of requests, where anybody collects them.
        entity_tags: Who makes the tags by which clients ask whether an answer is still the same, where they may.
        shedding: Who says when the hub is asked for more than it can answer; without it, nobody does.
        requests: Who counts requests.
        metrics: Where Prometheus reads the hub's numbers.
        status: The page that shows how the agencies are.

    """
    health = Health(ready)
    access_log = AccessLog()
    requests = requests or RequestCounts()
    endpoint = GraphQLEndpoint(
        execute=execute,
        authenticate=authenticate,
        settings=settings,
        access_log=access_log,
        allowances=allowances,
        failed_tokens=failed_tokens,
        spans=spans,
        entity_tags=entity_tags,
        shedding=shedding,
        requests=requests,
    )
    routes = [
        Route("/health/live", health.live),
        Route("/health/ready", health.ready),
        *page_files,
    ]
    if metrics is not None:
        routes += metrics.routes()
    if status is not None:
        routes += status.routes()
    if consents is not None:
        routes += consents.routes()
    if data_tracker is not None:
        routes += data_tracker.routes()
    if agency_hooks is not None:
        routes += agency_hooks.routes()
    if exporting is not None:
        who_asks = WhoAsks(authenticate, settings, failed_tokens)
        routes += ExportEndpoint(exporting, who_asks=who_asks, settings=settings, allowances=allowances).routes()
    if pages is not None:
        routes += pages.routes()
    if settings.graphiql is not Exposure.OFF:
        page = GraphiQL(
            packages=settings.graphiql_packages,
            examples=settings.graphiql_examples,
            sample_people=sample_people,
            needs_token=settings.graphiql is Exposure.SIGNED_IN,
        )
        routes += [Route("/", _to_graphiql), *page.routes()]
    others = Starlette(
        routes=routes,
        middleware=_middleware(
            settings,
            access_log,
            allowances,
            requests,
            shedding=shedding,
            spans=spans,
            paths=[PATH, *(each.path for each in routes)],
        ),
        exception_handlers={Refusal: on_refusal, HTTPException: on_http_exception},
        lifespan=lifespan,
    )
    # A redirect names the hub as a request reached it: in the clear, where a proxy ends TLS before it. Another address
    # is another one, and not found.
    others.router.redirect_slashes = False
    return WebApplication(
        graphql=CORSMiddleware(endpoint, **_cors(settings)) if settings.allowed_origins else endpoint,
        others=others,
        paths=frozenset({PATH, *(route.path for route in routes)}),
        access_log=access_log,
        preflights=bool(settings.allowed_origins),
        shedding=shedding,
    )


def _cors(settings: WebSettings) -> dict[str, Any]:
    """What pages of trusted origins may send and read."""
    return {
        "allow_origins": settings.allowed_origins,
        "allow_methods": METHODS,
        "allow_headers": (
            *(
                "Authorization",
                "Content-Type",
                PURPOSE,
                CASE,
                "X-Request-Id",
                "X-Request-Timeout",
                "traceparent",
                "tracestate",
                "If-None-Match",
                "Cache-Control",
            ),
            *PREFLIGHT_HEADERS,
        ),
        "expose_headers": ("X-Request-Id", "Retry-After", "Age", "ETag", *FIELDS),
    }


def _middleware(
    settings: WebSettings,
    access_log: AccessLog,
    allowances: Allowances | None,
    requests: RequestCounts,
    *,
    shedding: Shedding | None,
    spans: RequestSpans | None,
    paths: Collection[str],
) -> list[Middleware]:
    """What a request other than for `/graphql` goes through before its path is looked at, in this order."""
    return [
        Middleware(
            RequestIdentity,
            request_timeout=settings.request_timeout,
            access_log=access_log,
            spans=spans,
            requests=requests,
            paths=paths,
        ),
        Middleware(SecurityHeaders, hsts_seconds=settings.hsts_seconds),
        # In development there are metrics without a token: they are shown to no page of another site.
        Middleware(
            KnownHosts,
            allowed=settings.allowed_hosts,
            watched=WATCHED - {METRICS} if settings.development else WATCHED,
        ),
        *([Middleware(CORSMiddleware, **_cors(settings))] if settings.allowed_origins else []),
        *([Middleware(ShedPaths, shedding=shedding)] if shedding is not None else []),
        *([Middleware(AddressLimits, allowances=allowances)] if allowances is not None else []),
        Middleware(RequestBody, max_bytes=settings.max_body_bytes, timeout=settings.body_timeout),
        Middleware(Incidents, with_messages=settings.development),
    ]


async def _to_graphiql(_request: Request) -> Response:
    return RedirectResponse("/graphiql")
