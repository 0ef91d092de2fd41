"""A PostgreSQL of the sandbox that is filled once and then only read, on a unix socket only."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import asyncpg  # type: ignore[import-untyped]  # it ships no types

from sandbox.agency import AgencySpec
from sandbox.databases.postgres import UNSAFE_SETTINGS, Postgres
from sandbox.databases.server import (
    DatabaseServer,
    is_seeded,
    load_or_create_secret,
    mark_seeded,
    socket_folder,
)

_SOCKET_NUMBER: Final = 5432
_SOCKET: Final = f".s.PGSQL.{_SOCKET_NUMBER}"
"""Name of PostgreSQL's socket; nothing listens on a port of this number."""


@dataclass(frozen=True)
class SeededDatabase:
    """A database and its contents: `seed` writes them as `owner`; other `contents` make the existing data useless."""

    name: str
    owner: str
    contents: str
    seed: Callable[[asyncpg.Connection], Awaitable[None]]


@asynccontextmanager
async def run_seeded_postgres(spec: AgencySpec, database: SeededDatabase) -> AsyncIterator[DatabaseServer]:
    """The running server with the seeded database. Raises `PostgresError`, and asyncpg's errors while it seeds."""
    folder = spec.state / "postgres"
    wanted = hashlib.sha256(database.contents.encode()).hexdigest()
    if folder.exists() and not is_seeded(folder, wanted):
        shutil.rmtree(folder)
    folder.mkdir(exist_ok=True)
    with socket_folder(folder, _SOCKET) as sockets:
        owner = load_or_create_secret(folder / "owner.secret")
        server = Postgres(
            folder,
            port=_SOCKET_NUMBER,
            database=database.name,
            logins={database.owner: owner, spec.user: spec.secret},
            settings={**UNSAFE_SETTINGS, "listen_addresses": "", "unix_socket_directories": str(sockets)},
        )
        try:
            await asyncio.to_thread(server.prepare)
            server.launch()
            await asyncio.to_thread(server.wait)
            if not is_seeded(folder, wanted):
                connection = await asyncpg.connect(
                    host=str(sockets),
                    port=_SOCKET_NUMBER,
                    user=database.owner,
                    password=owner,
                    database=database.name,
                )
                try:
                    await database.seed(connection)
                finally:
                    await connection.close()
                mark_seeded(folder, wanted)
            yield DatabaseServer(sockets / _SOCKET, server.pid or 0)
        finally:
            server.stop()
