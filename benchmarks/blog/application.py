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
from benchmarks.blog.batches import Blog, CallerData
from benchmarks.blog.connector import RestWorld
from benchmarks.blog.schema import build_blog_schema
from benchmarks.blog.timed_ledger import TimedLedger
from benchmarks.issuer import build_benchmark_entry
from connectors.agency_probes import AgencyProbes
from connectors.drivers.http.driver import HttpDriver
from engine.batch import Agencies
from resolvers.answer_cache import AnswerCache
from schema.builder import get_graphql_schema
from settings import Settings
from telemetry.tracing import Tracing
from web.application import WebApplication

_CONNECTIONS = 256
_TIMEOUT_S = 30.0
_MAX_BYTES = 8 * 1024 * 1024


def build_blog_settings(keys: Path) -> Settings:
    """Settings as in production. The city's agencies are not connected, so their addresses lead nowhere."""
    nowhere = "http://127.0.0.1:9"
    values: dict[str, Any] = {
        "secret": SecretStr(base64.b64encode(b"b" * 32).decode()),
        "issuers": (build_benchmark_entry(keys),),
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
    return Settings(**values)


def build_blog_application(
    settings: Settings,
    upstream: str,
    *,
    coalescing: bool,
    known_tokens: bool = True,
    ledger: TimedLedger | None = None,
    answers: AnswerCache | None = None,
    traces: Tracing | None = None,
) -> WebApplication:
    """The hub over the small world.

    Without `known_tokens` every token is verified anew; with `ledger` reads are kept, with `answers` what agencies
    said. `traces`, which run already, are told of requests.
    """

    def driver(agency: str) -> HttpDriver:
        return HttpDriver(
            agency,
            upstream,
            headers={"Accept": "application/json"},
            deadline=_TIMEOUT_S,
            connections=_CONNECTIONS,
            max_bytes=_MAX_BYTES,
        )

    drivers = {"blog": driver("blog"), "bank": driver("bank"), "shop": driver("shop"), "post_office": driver("post")}
    world = RestWorld(**drivers)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        if ledger is not None:
            await ledger.start()
        yield
        if ledger is not None:
            await ledger.close()
        for each in drivers.values():
            await each.close()

    return server.compose(
        settings,
        schema=get_graphql_schema(build_blog_schema()),
        agencies=Agencies({Blog: world, CallerData: world}),
        agency_probes=AgencyProbes({"blog": world}),
        lifespan=lifespan,
        coalescing=coalescing,
        cache_tokens=known_tokens,
        recorder=None if ledger is None else ledger.record,
        tracing=traces,
        answer_cache=answers,
    )
