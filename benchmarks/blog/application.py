"""The sample graph with the hub's production composition: engine, callers, limits and HTTP."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from starlette.applications import Starlette

from benchmarks.benchmark_city import build_unreachable_city
from benchmarks.blog.batches import LIFETIMES, Blog, CallerData
from benchmarks.blog.connector import RestWorld
from benchmarks.blog.schema import build_blog_schema
from benchmarks.blog.timed_ledger import TimedLedger
from benchmarks.issuer import build_benchmark_entry
from connectors.agency_probes import AgencyProbes
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpLimits, HttpService
from connectors.resilience.agency_terms import AgencyTerms
from connectors.resilience.gate import Gate
from engine.agencies.agency_codes import AgencyCodes
from engine.agencies.bindings import Agencies
from engine.reporting import NoReadRecorder
from schema.builder import get_graphql_schema
from settings import Settings
from wiring.hub_parts import HubParts

_CONNECTIONS = 256
_TIMEOUT_S = 30.0
_MAX_BYTES = 8 * 1024 * 1024
_CODES = AgencyCodes({Blog: ("blog",), CallerData: ("callerdata",)})


def build_blog_settings(keys: Path) -> Settings:
    """Settings as in production. The city's agencies are not connected, so their addresses lead nowhere."""
    values: dict[str, Any] = {
        "secret": SecretStr(base64.b64encode(b"b" * 32).decode()),
        "issuers": (build_benchmark_entry(keys),),
        "state_url": SecretStr("postgresql://nobody@127.0.0.1:9/none"),
        "city": build_unreachable_city(),
        "request_timeout": 60.0,
        "shed_after": 0,  # the compared servers do not shed load
        # As in production, but higher than any load of a benchmark.
        "rates": ("anonymous:1000000000/100000000000", "citizen:1000000000/100000000000"),
    }
    return Settings(**values)


def build_blog_parts(upstream: str, ledger: TimedLedger | None = None, terms: AgencyTerms | None = None) -> HubParts:
    """The hub with the sample graph; with `ledger`, reads are recorded; with `terms`, each agency has a gate."""

    def driver(agency: str) -> HttpDriver:
        return HttpDriver(
            HttpService(agency, upstream, headers={"Accept": "application/json"}),
            HttpLimits(deadline=_TIMEOUT_S, connections=_CONNECTIONS, max_bytes=_MAX_BYTES),
            gate=None if terms is None else Gate(agency, terms),
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

    return HubParts(
        schema=get_graphql_schema(build_blog_schema()),
        agencies=Agencies({Blog: world, CallerData: world}, _CODES, LIFETIMES),
        agency_probes=AgencyProbes({"blog": world}),
        lifespan=lifespan,
        recorder=NoReadRecorder() if ledger is None else ledger.record,
    )
