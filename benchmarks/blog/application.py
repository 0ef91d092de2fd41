"""The small world behind the hub's production composition: engine, callers, limits and HTTP; another schema."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from starlette.applications import Starlette

import server
from benchmarks.blog.batches import Blog, Own
from benchmarks.blog.connector import RestWorld
from benchmarks.blog.kept_accesses import KeptAccesses
from benchmarks.blog.schema import blog_schema
from benchmarks.issuer import benchmark_entry
from connectors.attendance import Attendance
from connectors.drivers.http import HttpDriver
from engine.batch import Agencies
from resolvers.kept_answers import KeptAnswers
from schema.build import graphql_schema
from settings import Settings
from telemetry.traces import Traces
from web.application import WebApplication

_CONNECTIONS = 256
_PATIENCE = 30.0
_MOST_BYTES = 8 * 1024 * 1024


def blog_settings(keys: Path) -> Settings:
    """Settings as in production. The city's agencies are not connected, so their addresses lead nowhere."""
    nowhere = "http://127.0.0.1:9"
    given: dict[str, Any] = {
        "secret": SecretStr(base64.b64encode(b"b" * 32).decode()),
        "issuers": (benchmark_entry(keys),),
        "state_url": SecretStr("postgresql://nobody@127.0.0.1:9/none"),
        "dukcapil_url": SecretStr("postgresql://nobody@127.0.0.1:9/none"),
        "jakpreneur_url": SecretStr("mysql://nobody@127.0.0.1:9/none"),
        "pbb_url": nowhere,
        "pbb_user": "nobody",
        "pbb_password": SecretStr("none"),
        "crm_url": nowhere,
        "crm_key": SecretStr("none"),
        "pangan_url": nowhere,
        "pangan_key": SecretStr("none"),
        "request_timeout": 60.0,
        "shed_after": 0,  # whom it is compared with refuse nobody, and are slow instead
        # As in production, and more than a load can ask for.
        "rates": ("anonymous:1000000000/100000000000", "citizen:1000000000/100000000000"),
    }
    return Settings(**given)


def blog_application(
    settings: Settings,
    upstream: str,
    *,
    coalescing: bool,
    known_tokens: bool = True,
    kept: KeptAccesses | None = None,
    answers: KeptAnswers | None = None,
    traces: Traces | None = None,
) -> WebApplication:
    """The hub over the small world.

    Without `known_tokens` every token is verified anew; with `kept` reads are kept, with `answers` what agencies said.
    `traces`, which run already, are told of requests.
    """

    def driver(agency: str) -> HttpDriver:
        return HttpDriver(
            agency,
            upstream,
            headers={"Accept": "application/json"},
            deadline=_PATIENCE,
            connections=_CONNECTIONS,
            max_bytes=_MOST_BYTES,
        )

    drivers = {"blog": driver("blog"), "bank": driver("bank"), "shop": driver("shop"), "post_office": driver("post")}
    world = RestWorld(**drivers)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        if kept is not None:
            await kept.start()
        yield
        if kept is not None:
            await kept.close()
        for each in drivers.values():
            await each.close()

    return server.compose(
        settings,
        schema=graphql_schema(blog_schema()),
        agencies=Agencies({Blog: world, Own: world}),
        attendance=Attendance({"blog": world}),
        lifespan=lifespan,
        coalescing=coalescing,
        known_tokens=known_tokens,
        recorder=None if kept is None else kept.record,
        traces=traces,
        kept=answers,
    )
