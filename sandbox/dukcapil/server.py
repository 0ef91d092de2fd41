"""The population register (Disdukcapil, SIAK): a real PostgreSQL, database `siak`, read-only for its one login."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg  # type: ignore[import-untyped]  # it ships no types

from sandbox.agency import AgencySpec, CannotStartError
from sandbox.control import AgencyControl, Latency
from sandbox.databases.postgres import PostgresError
from sandbox.databases.postgres_dialect import PostgresDialect
from sandbox.databases.seeded_postgres import SeededDatabase, run_seeded_postgres
from sandbox.databases.server import DatabaseServer, serve_database
from sandbox.databases.statements import StatementNames
from sandbox.dukcapil.register import (
    BIODATA,
    BIODATA_COLUMNS,
    KELUARGA,
    KELUARGA_COLUMNS,
    SCHEMA,
    build_biodata_rows,
    build_keluarga_rows,
)
from sandbox.population.city_population import build_population, fingerprint

DATABASE = "siak"
TYPICAL_LATENCY = Latency(5, 30)
_OWNER = "siak_owner"


def run(spec: AgencySpec) -> None:
    """Run the register until a stop signal. Raises `CannotStartError`."""
    if spec.user == _OWNER:
        raise CannotStartError(f"the user {_OWNER} owns the tables; choose another name for the one that reads them.")
    control = AgencyControl(spec.name, TYPICAL_LATENCY if spec.latency else Latency(0, 0), {"engine": "postgresql"})
    statements = StatementNames((BIODATA, KELUARGA))
    asyncio.run(serve_database(spec, control, _run_server(spec), lambda: PostgresDialect(statements)))


@asynccontextmanager
async def _run_server(spec: AgencySpec) -> AsyncIterator[DatabaseServer]:
    """The PostgreSQL server with the seeded tables, on a unix socket only."""

    async def seed(connection: asyncpg.Connection) -> None:
        await _seed(connection, spec.user)

    # For another user, city or schema, the existing data is useless.
    contents = f"{spec.user} {fingerprint(build_population())} {SCHEMA}"
    try:
        async with run_seeded_postgres(spec, SeededDatabase(DATABASE, _OWNER, contents, seed)) as server:
            yield server
    except PostgresError as error:
        raise CannotStartError(str(error)) from error


async def _seed(connection: asyncpg.Connection, reader: str) -> None:
    """Write the tables in one transaction, and grant the reader SELECT only."""
    city = build_population()
    async with connection.transaction():
        # The server does not flush its log otherwise; these rows must be durable before they are marked.
        await connection.execute(f"SET LOCAL synchronous_commit TO on; {SCHEMA}")
        await connection.copy_records_to_table(BIODATA, records=build_biodata_rows(city), columns=BIODATA_COLUMNS)
        await connection.copy_records_to_table(KELUARGA, records=build_keluarga_rows(city), columns=KELUARGA_COLUMNS)
        quoted = reader.replace('"', '""')
        await connection.execute(
            f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;"
            f'GRANT CONNECT ON DATABASE {DATABASE} TO "{quoted}";'
            f'GRANT SELECT ON {BIODATA}, {KELUARGA} TO "{quoted}";'
        )
    await connection.execute(f"ANALYZE {BIODATA}, {KELUARGA}")
