"""A stand-in database: PostgreSQL with one table for each sample file, `<table>.json`, which holds a list of rows.

The type of a column follows from its values; `schema.sql` beside the files creates the tables in another way. The login
of the hub can only read.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # it ships no types

from sandbox.agency import AgencySpec, CannotStartError
from sandbox.control import AgencyControl
from sandbox.databases.postgres import PostgresError
from sandbox.databases.postgres_dialect import PostgresDialect
from sandbox.databases.seeded_postgres import SeededDatabase, run_seeded_postgres
from sandbox.databases.server import DatabaseServer, serve_database
from sandbox.databases.statements import StatementNames
from sandbox.stand_ins.sources import DATABASE, StandInSource

_OWNER: Final = "samples_owner"
_SCHEMA: Final = "schema.sql"

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
    own = source.samples / _SCHEMA
    schema = own.read_text(encoding="utf-8") if own.exists() else build_schema(tables)

    async def seed(connection: asyncpg.Connection) -> None:
        await _seed(connection, spec.user, schema, tables)

    contents = json.dumps([spec.user, spec.secret, schema, tables])
    try:
        async with run_seeded_postgres(spec, SeededDatabase(DATABASE, _OWNER, contents, seed)) as server:
            yield server
    except (PostgresError, asyncpg.PostgresError) as error:
        raise CannotStartError(f"the samples of {source.code}: {error}") from error


async def _seed(connection: asyncpg.Connection, reader: str, schema: str, tables: Mapping[str, Rows]) -> None:
    """Write the tables in one transaction, and let the reader select."""
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
