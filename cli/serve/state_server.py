"""Runs the hub's own database server beside the hub, unless the operator names another one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from cli.sandbox.hub_environment import STATE_DATABASE, STATE_SERVER
from sandbox.databases.postgres import Postgres
from sandbox.state_folder import StateFolder

WATCH_INTERVAL_S = 0.5


@contextlib.asynccontextmanager
async def run_state_server(folder: StateFolder, warn: Callable[[str], None]) -> AsyncIterator[None]:
    """Run PostgreSQL with the hub's database for the length of the block; raises `PostgresError`.

    Commits are durable, unlike in the sandbox's databases.
    """
    postgres = Postgres(
        folder.folder(STATE_SERVER),
        port=folder.port(STATE_SERVER),
        database=STATE_DATABASE,
        logins={STATE_DATABASE: folder.secret(STATE_SERVER)},
        settings={},
    )
    try:
        await asyncio.to_thread(postgres.prepare)
        postgres.launch()  # on this thread: the server ends with the thread that launches it
        await asyncio.to_thread(postgres.wait)
        watch = asyncio.create_task(_watch(postgres, warn))
        try:
            yield
        finally:
            watch.cancel()
    finally:
        postgres.stop()


async def _watch(postgres: Postgres, warn: Callable[[str], None]) -> None:
    while postgres.is_running:  # noqa: ASYNC110 - a process sets no event
        await asyncio.sleep(WATCH_INTERVAL_S)
    warn(f"the hub's own database server ended ({postgres.last_line()}): start Simpul again")
