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

from telemetry.metrics.request_counts import RequestCounts
from web.admission.admission_middleware import AdmissionMiddleware
from web.admission.load_shedder import LoadShedder
from web.authentication import CASE_HEADER, PURPOSE_HEADER, Authenticate, RequestAuthenticator
from web.endpoints.agency_hooks import AgencyHooks
from web.endpoints.consents import ConsentEndpoints
from web.endpoints.data_tracker import DataTracker
from web.endpoints.export import ExportEndpoint, ExportParts
from web.endpoints.health import CheckReadiness, HealthEndpoint
from web.endpoints.metrics import MetricsEndpoint
from web.graphql.endpoint import METHODS, PATH, Execute, GraphQLEndpoint
from web.http_error_responses import handle_http_error, handle_starlette_error
from web.http_errors import HttpError
from web.middleware.csrf import PREFLIGHT_HEADERS
from web.middleware.entity_tags import EntityTags
from web.middleware.hosts import METRICS_PATH, MONITORING_PATHS, KnownHosts
from web.middleware.incidents import Incidents
from web.middleware.request_body import RequestBody
from web.middleware.request_identity import RequestIdentity
from web.middleware.request_log import RequestLog
from web.middleware.request_spans import RequestSpans
from web.middleware.security_headers import SecurityHeaders
from web.pages.graphiql import GraphiQL, LoadSamplePeople
from web.pages.personal_pages import PersonalPages
from web.pages.status_page import StatusPage
from web.rate_limits.address_limits import AddressLimits
from web.rate_limits.caller_limiter import RATE_LIMIT_HEADERS, CallerLimiter
from web.rate_limits.failed_tokens import FailedTokens
from web.settings import Exposure, WebSettings


class WebApplication:
    """The hub's HTTP side (ASGI): `/graphql` straight, the rest through Starlette. See `build_web_application`."""

    def __init__(
        self,
        *,
        graphql: ASGIApp,
        others: ASGIApp,
        paths: Collection[str],
        request_log: RequestLog,
        preflights: bool,
        load_shedder: LoadShedder | None = None,
    ) -> None:
        """Put the two together; with `preflights`, browsers' questions about `/graphql` are Starlette's, too."""
        self.paths = paths
        """The paths that are served, as the access log calls them."""
        self._graphql = graphql
        self._others = others
        self._request_log = request_log
        self._preflights = preflights
        self._load_shedder = load_shedder

    def count_refused_connection(self) -> None:
        """A request was refused since there are too many connections."""
        if self._load_shedder is not None:
            self._load_shedder.count_refusal()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the server's beginning and end."""
        if scope["type"] == "lifespan":
            try:
                await self._others(scope, receive, send)
            finally:
                self._request_log.flush()
        elif scope["type"] != "http" or scope["path"] != PATH or (self._preflights and _is_preflight(scope)):
            await self._others(scope, receive, send)
        else:
            await self._graphql(scope, receive, send)


def _is_preflight(scope: Scope) -> bool:
    """Whether a browser asks what a page of another origin may send (Fetch standard, "CORS-preflight request")."""
    return scope["method"] == "OPTIONS" and any(
        name == b"access-control-request-method" for name, _ in scope["headers"]
    )


def build_web_application(
    *,
    execute: Execute,
    authenticate: Authenticate,
    ready: CheckReadiness,
    settings: WebSettings,
    sample_people: LoadSamplePeople | None = None,
    data_tracker: DataTracker | None = None,
    agency_hooks: AgencyHooks | None = None,
    consents: ConsentEndpoints | None = None,
    export: ExportParts | None = None,
    pages: PersonalPages | None = None,
    page_files: Sequence[Route] = (),
    lifespan: Lifespan[Starlette] | None = None,
    caller_limiter: CallerLimiter | None = None,
    failed_tokens: FailedTokens | None = None,
    request_spans: RequestSpans | None = None,
    entity_tags: EntityTags | None = None,
    load_shedder: LoadShedder | None = None,
    requests: RequestCounts | None = None,
    metrics: MetricsEndpoint | None = None,
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
    health = HealthEndpoint(ready)
    request_log = RequestLog()
    requests = requests or RequestCounts()
    endpoint = GraphQLEndpoint(
        execute=execute,
        authenticate=authenticate,
        settings=settings,
        request_log=request_log,
        caller_limiter=caller_limiter,
        failed_tokens=failed_tokens,
        request_spans=request_spans,
        entity_tags=entity_tags,
        load_shedder=load_shedder,
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
    if export is not None:
        authenticator = RequestAuthenticator(authenticate, settings, failed_tokens)
        routes += ExportEndpoint(
            export, authenticator=authenticator, settings=settings, caller_limiter=caller_limiter
        ).routes()
    if pages is not None:
        routes += pages.routes()
    if settings.graphiql is not Exposure.OFF:
        page = GraphiQL(
            packages=settings.graphiql_packages,
            examples=settings.graphiql_examples,
            sample_people=sample_people,
            needs_token=settings.graphiql is Exposure.SIGNED_IN,
        )
        routes += [Route("/", _redirect_to_graphiql), *page.routes()]
    others = Starlette(
        routes=routes,
        middleware=_build_middleware(
            settings,
            request_log,
            caller_limiter,
            requests,
            load_shedder=load_shedder,
            request_spans=request_spans,
            paths=[PATH, *(each.path for each in routes)],
        ),
        exception_handlers={HttpError: handle_http_error, HTTPException: handle_starlette_error},
        lifespan=lifespan,
    )
    # A redirect names the hub as a request reached it: in the clear, where a proxy ends TLS before it. Another address
    # is another one, and not found.
    others.router.redirect_slashes = False
    return WebApplication(
        graphql=CORSMiddleware(endpoint, **_build_cors_options(settings)) if settings.allowed_origins else endpoint,
        others=others,
        paths=frozenset({PATH, *(route.path for route in routes)}),
        request_log=request_log,
        preflights=bool(settings.allowed_origins),
        load_shedder=load_shedder,
    )


def _build_cors_options(settings: WebSettings) -> dict[str, Any]:
    """What pages of trusted origins may send and read."""
    return {
        "allow_origins": settings.allowed_origins,
        "allow_methods": METHODS,
        "allow_headers": (
            *(
                "Authorization",
                "Content-Type",
                PURPOSE_HEADER,
                CASE_HEADER,
                "X-Request-Id",
                "X-Request-Timeout",
                "traceparent",
                "tracestate",
                "If-None-Match",
                "Cache-Control",
            ),
            *PREFLIGHT_HEADERS,
        ),
        "expose_headers": ("X-Request-Id", "Retry-After", "Age", "ETag", *RATE_LIMIT_HEADERS),
    }


def _build_middleware(
    settings: WebSettings,
    request_log: RequestLog,
    caller_limiter: CallerLimiter | None,
    requests: RequestCounts,
    *,
    load_shedder: LoadShedder | None,
    request_spans: RequestSpans | None,
    paths: Collection[str],
) -> list[Middleware]:
    """What a request other than for `/graphql` goes through before its path is looked at, in this order."""
    return [
        Middleware(
            RequestIdentity,
            request_timeout=settings.request_timeout,
            request_log=request_log,
            request_spans=request_spans,
            requests=requests,
            paths=paths,
        ),
        Middleware(SecurityHeaders, hsts_seconds=settings.hsts_seconds),
        # In development there are metrics without a token: they are shown to no page of another site.
        Middleware(
            KnownHosts,
            allowed=settings.allowed_hosts,
            monitoring_paths=MONITORING_PATHS - {METRICS_PATH} if settings.development else MONITORING_PATHS,
        ),
        *([Middleware(CORSMiddleware, **_build_cors_options(settings))] if settings.allowed_origins else []),
        *([Middleware(AdmissionMiddleware, load_shedder=load_shedder)] if load_shedder is not None else []),
        *([Middleware(AddressLimits, caller_limiter=caller_limiter)] if caller_limiter is not None else []),
        Middleware(RequestBody, max_bytes=settings.max_body_bytes, timeout=settings.body_timeout),
        Middleware(Incidents, with_messages=settings.development),
    ]


async def _redirect_to_graphiql(_request: Request) -> Response:
    return RedirectResponse("/graphiql")
