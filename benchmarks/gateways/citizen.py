"""Simpul with the graph of the city, over recorded answers of the sandbox city, as `simpul serve` serves it."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

import server
from benchmarks.blog.application import build_blog_settings
from benchmarks.blog.timed_ledger import TimedLedger
from benchmarks.layout import HOST
from benchmarks.recorded_city import build_agencies
from connectors.agency_probes import AgencyProbes
from engine.reporting import NoReadRecorder
from schema.builder import build_schema, get_graphql_schema
from web.server.uvicorn_config import build_uvicorn_config, freeze_startup_objects
from wiring.hub_parts import HubParts


def main() -> None:
    """Serve until ended."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("port", type=int)
    arguments.add_argument("recorded", type=Path)
    arguments.add_argument("keys", type=Path)
    arguments.add_argument("--ledger", help="record reads in this database")
    arguments.add_argument("--commits", type=Path, help="file for the report of the ledger's time")
    arguments.add_argument("--shed-after", type=int, default=0, help="milliseconds; 0 turns load shedding off")
    arguments.add_argument("--lane", help="an entry of the emergency lane")
    options = arguments.parse_args()
    server.configure_logging()
    lane = (options.lane,) if options.lane else ()
    settings = build_blog_settings(options.keys).model_copy(
        update={"shed_after": options.shed_after, "emergency_lane": lane, "cache_megabytes": 0}
    )
    ledger = TimedLedger(options.ledger, settings.secret_bytes, options.commits) if options.ledger else None

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        if ledger is not None:
            await ledger.start()
        yield
        if ledger is not None:
            await ledger.close()

    app = server.compose(
        settings,
        HubParts(
            schema=get_graphql_schema(build_schema()),
            agencies=build_agencies(options.recorded),
            agency_probes=AgencyProbes({}),
            lifespan=lifespan,
            coalescing=False,  # each caller reads their own data: no run can be shared
            recorder=NoReadRecorder() if ledger is None else ledger.record,
        ),
    )
    freeze_startup_objects()
    uvicorn.Server(build_uvicorn_config(app, HOST, options.port, settings.web)).run()


if __name__ == "__main__":
    main()
