"""Builds the hub's HTTP application from the parts of the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from web.admission.admission_middleware import AdmissionMiddleware
from web.authentication import CASE_HEADER, PURPOSE_HEADER
from web.endpoints.health import HealthEndpoint
from web.graphql.endpoint import METHODS, GraphQLEndpoint
from web.graphql.media_types import accepts_html
from web.graphql.repeated_requests import PATH
from web.http_error_responses import handle_http_error, handle_starlette_error
from web.http_errors import HttpError
from web.middleware.csrf import PREFLIGHT_HEADERS
from web.middleware.hosts import METRICS_PATH, MONITORING_PATHS, KnownHosts
from web.middleware.incidents import Incidents
from web.middleware.request_body import RequestBody
from web.middleware.request_identity import RequestIdentity
from web.middleware.request_log import RequestLog
from web.middleware.security_headers import SecurityHeaders
from web.pages.graphiql import GraphiQL
from web.pages.page_renderer import HOME_PATH, PageLinks, PageProblem, PageRenderer
from web.pages.project_docs import DOCS_START, ProjectDocs
from web.rate_limits.caller_limiter import RATE_LIMIT_HEADERS, AddressLimitMiddleware
from web.settings import LOOPBACK_ORIGINS, AllowedOrigins, Exposure, WebSettings
from web.web_parts import WebParts


class WebApplication:
    """The hub's HTTP side (ASGI): `/graphql` directly, the rest through Starlette. See `build_web_application`."""

    def __init__(
        self,
        *,
        graphql: ASGIApp,
        others: ASGIApp,
        paths: Collection[str],
        request_log: RequestLog,
        preflights: bool,
        endpoint: GraphQLEndpoint,
    ) -> None:
        """Combine both; with `preflights`, Starlette also answers CORS preflights for `/graphql`."""
        self.paths = paths
        """The served paths, as the request log names them."""
        self.repeated_requests = endpoint.repeated_requests
        """Answers requests without a task if equal ones came before: see `web/server/single_write_response.py`."""
        self._graphql = graphql
        self._others = others
        self._request_log = request_log
        self._preflights = preflights
        self._endpoint = endpoint

    def count_refused_connection(self) -> None:
        """Record a request that was refused because there are too many connections."""
        self._endpoint.count_refused_connection()

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request, or the lifespan of the server.

        It passes on the coroutine of who serves it, because a coroutine around that one would run at each wait too.
        """
        if scope["type"] == "lifespan":
            return self._serve_lifespan(scope, receive, send)
        if scope["type"] != "http" or scope["path"] != PATH or (self._preflights and _is_preflight(scope)):
            return self._others(scope, receive, send)
        return self._graphql(scope, receive, send)

    async def _serve_lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._others(scope, receive, send)
        finally:
            self._request_log.flush()


def _is_preflight(scope: Scope) -> bool:
    """Whether the request is a CORS preflight (Fetch standard, "CORS-preflight request")."""
    return scope["method"] == "OPTIONS" and any(
        name == b"access-control-request-method" for name, _ in scope["headers"]
    )


def build_web_application(parts: WebParts) -> WebApplication:
    """Build the HTTP application."""
    settings = parts.settings
    health = HealthEndpoint(parts.ready)
    request_log = RequestLog()
    endpoint = GraphQLEndpoint(parts, request_log)
    routes = [Route("/health/live", health.live), Route("/health/ready", health.ready)]
    for each in parts.endpoints:
        routes += each.routes()
    if settings.graphiql is not Exposure.OFF:
        page = GraphiQL(
            packages=settings.graphiql_packages,
            examples=settings.graphiql_examples,
            sample_people=parts.sample_people,
            links=_build_graphiql_links(parts.pages.links, settings),
            needs_token=settings.graphiql is Exposure.SIGNED_IN,
        )
        routes += page.routes()
    if settings.development:
        routes += ProjectDocs(settings.docs_folder).routes()
    paths = frozenset({PATH, *(each.path for each in routes)})
    others = Starlette(
        routes=routes,
        middleware=_build_middleware(parts, request_log, paths),
        exception_handlers={
            HttpError: handle_http_error,
            HTTPException: partial(_handle_starlette_error, parts.pages),
        },
        lifespan=parts.lifespan,
    )
    # A redirect would use the scheme and host of the request, which is `http` behind a TLS-terminating proxy.
    others.router.redirect_slashes = False
    return WebApplication(
        graphql=CORSMiddleware(endpoint, **_build_cors_options(settings.origins)) if settings.origins else endpoint,
        others=others,
        paths=paths,
        request_log=request_log,
        preflights=bool(settings.origins),
        endpoint=endpoint,
    )


def _build_graphiql_links(pages: PageLinks, settings: WebSettings) -> Mapping[str, str]:
    return {
        "Home": HOME_PATH,
        **({"Docs": DOCS_START} if settings.development else {}),
        **({"Status": "/status"} if pages.status else {}),
        **({"Consents": "/consents"} if pages.sign_in else {}),
    }


def _build_cors_options(origins: AllowedOrigins) -> dict[str, Any]:
    """The CORS rules: what pages of trusted origins may send and read."""
    return {
        "allow_origins": origins.named,
        "allow_origin_regex": LOOPBACK_ORIGINS.pattern if origins.loopback else None,
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


def _build_middleware(parts: WebParts, request_log: RequestLog, paths: Collection[str]) -> list[Middleware]:
    """The middleware of all requests besides `/graphql`, in this order, before routing."""
    settings = parts.settings
    return [
        Middleware(
            RequestIdentity,
            request_timeout=settings.request_timeout,
            request_log=request_log,
            request_spans=parts.request_spans,
            requests=parts.requests,
            paths=paths,
        ),
        Middleware(SecurityHeaders, hsts_seconds=settings.hsts_seconds),
        # In development, metrics need no token, so the check of hosts must keep foreign pages from them.
        Middleware(
            KnownHosts,
            allowed=settings.allowed_hosts,
            monitoring_paths=MONITORING_PATHS - {METRICS_PATH} if settings.development else MONITORING_PATHS,
        ),
        *([Middleware(CORSMiddleware, **_build_cors_options(settings.origins))] if settings.origins else []),
        Middleware(AdmissionMiddleware, load_shedder=parts.load_shedder),
        Middleware(AddressLimitMiddleware, caller_limiter=parts.caller_limiter),
        Middleware(RequestBody, max_bytes=settings.max_body_bytes, timeout=settings.body_timeout),
        Middleware(Incidents, with_messages=settings.development),
    ]


async def _handle_starlette_error(pages: PageRenderer, request: Request, error: Exception) -> Response:
    """A browser that opens an unknown path gets a page; every other client gets JSON."""
    is_not_found = isinstance(error, HTTPException) and error.status_code == HTTPStatus.NOT_FOUND
    if is_not_found and accepts_html(request.headers.getlist("accept")):
        # No link to the same path in another language: `//evil.example` would lead to another site.
        return pages.render_problem(request, PageProblem("no_such_page", HTTPStatus.NOT_FOUND), others={})
    return await handle_starlette_error(request, error)
