"""The hub's HTTP application, put together from what the composition root hands in."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Lifespan

from web.csrf import PREFLIGHT_HEADERS
from web.error_answers import on_http_exception, on_refusal
from web.graphiql import GraphiQL, SamplePeople
from web.graphql_endpoint import METHODS, Authenticate, Execute, GraphQLEndpoint
from web.health import Health, Ready
from web.hosts import KnownHosts
from web.incidents import Incidents
from web.refusals import Refusal
from web.request_body import RequestBody
from web.request_identity import RequestIdentity
from web.security_headers import SecurityHeaders
from web.settings import WebSettings


def web_application(
    *,
    execute: Execute,
    authenticate: Authenticate,
    ready: Ready,
    settings: WebSettings,
    sample_people: SamplePeople | None = None,
    lifespan: Lifespan[Starlette] | None = None,
) -> Starlette:
    """The application.

    Args:
        execute: Runs a GraphQL request.
        authenticate: Proves who asks.
        ready: Tells how the hub and its agencies are.
        settings: Limits and switches.
        sample_people: Whom a developer may ask as, in GraphiQL. Their tokens are readable by whoever reaches the page,
            so it is given in development only.
        lifespan: What is opened before the first request and closed after the last.

    """
    health = Health(ready)
    endpoint = GraphQLEndpoint(execute=execute, authenticate=authenticate, settings=settings)
    routes = [
        Route("/graphql", endpoint),
        Route("/health/live", health.live),
        Route("/health/ready", health.ready),
    ]
    if settings.graphiql:
        page = GraphiQL(
            packages=settings.graphiql_packages, examples=settings.graphiql_examples, sample_people=sample_people
        )
        routes += [Route("/", _to_graphiql), *page.routes()]
    return Starlette(
        routes=routes,
        middleware=_middleware(settings),
        exception_handlers={Refusal: on_refusal, HTTPException: on_http_exception},
        lifespan=lifespan,
    )


def _middleware(settings: WebSettings) -> list[Middleware]:
    """What a request goes through before its path is looked at, in this order."""
    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.allowed_origins,
        allow_methods=METHODS,
        allow_headers=("Authorization", "Content-Type", "X-Request-Id", "X-Request-Timeout", *PREFLIGHT_HEADERS),
        expose_headers=("X-Request-Id",),
    )
    return [
        Middleware(RequestIdentity, request_timeout=settings.request_timeout),
        Middleware(SecurityHeaders, hsts_seconds=settings.hsts_seconds),
        Middleware(KnownHosts, allowed=settings.allowed_hosts),
        *([cors] if settings.allowed_origins else []),
        Middleware(RequestBody, max_bytes=settings.max_body_bytes, timeout=settings.body_timeout),
        Middleware(Incidents, with_messages=settings.development),
    ]


async def _to_graphiql(_request: Request) -> Response:
    return RedirectResponse("/graphiql")
