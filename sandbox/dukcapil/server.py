"""The population register (Disdukcapil, SIAK): a real PostgreSQL, database `siak`, read-only for its one login."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it ships no types

from sandbox.agency import AgencySpec, CannotStartError
from sandbox.control import AgencyControl, Latency
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
_SOCKET_NUMBER = 5432
_SOCKET = f".s.PGSQL.{_SOCKET_NUMBER}"
"""Name of PostgreSQL's socket; nothing listens on a port of this number."""


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
    folder = spec.state / "postgres"
    # For another user, city or schema, the existing data is useless.
    wanted = hashlib.sha256(f"{spec.user} {fingerprint(build_population())} {SCHEMA}".encode()).hexdigest()
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
                await _seed(sockets, owner, spec.user)
                mark_seeded(folder, wanted)
            yield DatabaseServer(sockets / _SOCKET, server.pid or 0)
        except PostgresError as error:
            raise CannotStartError(str(error)) from error
        finally:
            server.stop()


async def _seed(sockets: Path, owner: str, reader: str) -> None:
    """Write the tables in one transaction, and grant the reader SELECT only."""
    city = build_population()
    connection = await asyncpg.connect(
        host=str(sockets), port=_SOCKET_NUMBER, user=_OWNER, password=owner, database=DATABASE
    )
    try:
        async with connection.transaction():
            # The server does not flush its log otherwise; these rows must be durable before they are marked.
            await connection.execute(f"SET LOCAL synchronous_commit TO on; {SCHEMA}")
            await connection.copy_records_to_table(BIODATA, records=build_biodata_rows(city), columns=BIODATA_COLUMNS)
            await connection.copy_records_to_table(
                KELUARGA, records=build_keluarga_rows(city), columns=KELUARGA_COLUMNS
            )
            quoted = reader.replace('"', '""')
            await connection.execute(
                f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;"
                f'GRANT CONNECT ON DATABASE {DATABASE} TO "{quoted}";'
                f'GRANT SELECT ON {BIODATA}, {KELUARGA} TO "{quoted}";'
            )
        await connection.execute(f"ANALYZE {BIODATA}, {KELUARGA}")
    finally:
        await connection.close()
