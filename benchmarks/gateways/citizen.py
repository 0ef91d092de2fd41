"""Simpul with the graph of the city, over answers that the sandbox city once gave, as `simpul serve` serves it."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

import server
from benchmarks.blog.application import blog_settings
from benchmarks.blog.kept_accesses import KeptAccesses
from benchmarks.places import HOST
from benchmarks.recorded_city import agencies
from connectors.attendance import Attendance
from schema.build import build_schema, graphql_schema
from web.serving import settle_memory, uvicorn_config


def main() -> None:
    """Serve until ended."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("port", type=int)
    arguments.add_argument("recorded", type=Path)
    arguments.add_argument("keys", type=Path)
    arguments.add_argument("--ledger", help="keep who read what in this database")
    arguments.add_argument("--commits", type=Path, help="where to tell how long that took")
    arguments.add_argument("--shed-after", type=int, default=0, help="milliseconds; 0 to refuse nobody")
    arguments.add_argument("--lane", help="a word of the emergency lane")
    given = arguments.parse_args()
    server.configure_logging()
    lane = (given.lane,) if given.lane else ()
    settings = blog_settings(given.keys).model_copy(
        update={"shed_after": given.shed_after, "emergency_lane": lane, "kept_megabytes": 0}
    )
    kept = KeptAccesses(given.ledger, settings.secret_bytes, given.commits) if given.ledger else None

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        if kept is not None:
            await kept.start()
        yield
        if kept is not None:
            await kept.close()

    app = server.compose(
        settings,
        schema=graphql_schema(build_schema()),
        agencies=agencies(given.recorded),
        attendance=Attendance({}),
        lifespan=lifespan,
        coalescing=False,  # each asks for themself: nothing is to be shared
        recorder=None if kept is None else kept.record,
    )
    settle_memory()
    uvicorn.Server(uvicorn_config(app, HOST, given.port, settings.web)).run()


if __name__ == "__main__":
    main()
