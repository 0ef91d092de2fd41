"""A stand-in database: PostgreSQL with one table for each sample file, `<table>.json`, which holds a list of rows.

The type of a column follows from its values; `schema.sql` beside the files creates the tables in another way. The login
of the hub can only read.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # it ships no types

from sandbox.agency import AgencySpec, CannotStartError
from sandbox.control import AgencyControl
from sandbox.databases.postgres import UNSAFE_SETTINGS, Postgres, PostgresError
from sandbox.databases.postgres_dialect import PostgresDialect
from sandbox.databases.server import (
    DatabaseServer,
    is_seeded,
    load_or_create_secret,
    mark_seeded,
    serve_database,
    socket_folder,
)
from sandbox.databases.statements import StatementNames
from sandbox.stand_ins.sources import DATABASE, StandInSource

_OWNER: Final = "samples_owner"
_SCHEMA: Final = "schema.sql"
_SOCKET_NUMBER: Final = 5432
_SOCKET: Final = f".s.PGSQL.{_SOCKET_NUMBER}"
"""Name of PostgreSQL's socket; nothing listens on a port of this number."""

Rows = Sequence[Mapping[str, Any]]


async def serve_tables(spec: AgencySpec, control: AgencyControl, source: StandInSource) -> None:
    """Serve the tables until a stop signal. Raises `CannotStartError`."""
    tables: Mapping[str, Rows] = dict(source.read_json())
    statements = StatementNames(tables)
    await serve_database(spec, control, _run_server(spec, source, tables), lambda: PostgresDialect(statements))


def build_schema(tables: Mapping[str, Rows]) -> str:
    """The statements that create the tables, from the values of their columns."""
    return "".join(
        f"CREATE TABLE {_quote(name)} ("
        + ", ".join(f"{_quote(column)} {_find_type(rows, column)}" for column in _list_columns(rows))
        + ");"
        for name, rows in tables.items()
    )


@asynccontextmanager
async def _run_server(
    spec: AgencySpec, source: StandInSource, tables: Mapping[str, Rows]
) -> AsyncIterator[DatabaseServer]:
    """The PostgreSQL server with the tables, on a unix socket only."""
    folder = spec.state / "postgres"
    own = source.samples / _SCHEMA
    schema = own.read_text(encoding="utf-8") if own.exists() else build_schema(tables)
    wanted = hashlib.sha256(json.dumps([spec.user, spec.secret, schema, tables]).encode()).hexdigest()
    if folder.exists() and not is_seeded(folder, wanted):
        shutil.rmtree(folder)
    folder.mkdir(exist_ok=True)
    with socket_folder(folder, _SOCKET) as sockets:
        owner = load_or_create_secret(folder / "owner.secret")
        server = Postgres(
            folder,
            port=_SOCKET_NUMBER,
            database=DATABASE,
            logins={_OWNER: owner, spec.user: spec.secret},
            settings={**UNSAFE_SETTINGS, "listen_addresses": "", "unix_socket_directories": str(sockets)},
        )
        try:
            await asyncio.to_thread(server.prepare)
            server.launch()
            await asyncio.to_thread(server.wait)
            if not is_seeded(folder, wanted):
                await _seed(sockets, owner, spec.user, schema, tables)
                mark_seeded(folder, wanted)
            yield DatabaseServer(sockets / _SOCKET, server.pid or 0)
        except (PostgresError, asyncpg.PostgresError) as error:
            raise CannotStartError(f"the samples of {source.code}: {error}") from error
        finally:
            server.stop()


async def _seed(sockets: Path, owner: str, reader: str, schema: str, tables: Mapping[str, Rows]) -> None:
    """Write the tables in one transaction, and let the reader select."""
    connection = await asyncpg.connect(
        host=str(sockets), port=_SOCKET_NUMBER, user=_OWNER, password=owner, database=DATABASE
    )
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL synchronous_commit TO on; {schema}")
            for name, rows in tables.items():
                # PostgreSQL itself converts the values of JSON to the types of the columns.
                await connection.execute(
                    f"INSERT INTO {_quote(name)} SELECT * FROM json_populate_recordset(NULL::{_quote(name)}, $1)",  # noqa: S608 - quoted names of our own files
                    json.dumps(rows),
                )
            await connection.execute(
                f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;"
                f"GRANT CONNECT ON DATABASE {DATABASE} TO {_quote(reader)};"
                f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {_quote(reader)};"
            )
    finally:
        await connection.close()


def _list_columns(rows: Rows) -> list[str]:
    return list(dict.fromkeys(column for row in rows for column in row))


def _find_type(rows: Rows, column: str) -> str:
    kinds = {type(row[column]) for row in rows if row.get(column) is not None}
    match kinds:
        case set() if kinds == {bool}:
            return "boolean"
        case set() if kinds == {int}:
            return "bigint"
        case set() if kinds and kinds <= {int, float}:
            return "numeric"
        case _:
            return "text"


def _quote(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
