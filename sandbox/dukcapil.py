"""The population register (Disdukcapil, SIAK): a real PostgreSQL, database `siak`, read-only for its one login."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it ships no types

from sandbox.agency import AgencySpec, CannotStartError
from sandbox.control import Control, Latency
from sandbox.database import Database, is_seeded, kept_secret, mark_seeded, serve_database, socket_folder
from sandbox.dukcapil_data import BIODATA, BIODATA_COLUMNS, KELUARGA, KELUARGA_COLUMNS, SCHEMA, biodata, keluarga
from sandbox.people import fingerprint, people
from sandbox.postgres import RENEWABLE, Postgres, PostgresError
from sandbox.postgres_wire import PostgresDialect
from sandbox.statements import Statements

DATABASE = "siak"
LATENCY = Latency(5, 30)
_OWNER = "siak_owner"
_SOCKET_NUMBER = 5432
_SOCKET = f".s.PGSQL.{_SOCKET_NUMBER}"
"""Name of PostgreSQL's socket; nothing listens on a port of this number."""


def run(spec: AgencySpec) -> None:
    """Runs the register until it is told to stop. Raises `CannotStartError`."""
    if spec.user == _OWNER:
        raise CannotStartError(f"the user {_OWNER} owns the tables; choose another name for the one that reads them.")
    control = Control(spec.name, LATENCY if spec.latency else Latency(0, 0), {"engine": "postgresql"})
    statements = Statements((BIODATA, KELUARGA))
    asyncio.run(serve_database(spec, control, _server(spec), lambda: PostgresDialect(statements)))


@asynccontextmanager
async def _server(spec: AgencySpec) -> AsyncIterator[Database]:
    """The PostgreSQL server with the seeded tables, listening on a unix socket alone."""
    folder = spec.state / "postgres"
    # Another user, another city or other tables: what is there is of no use.
    wanted = hashlib.sha256(f"{spec.user} {fingerprint(people())} {SCHEMA}".encode()).hexdigest()
    if folder.exists() and not is_seeded(folder, wanted):
        shutil.rmtree(folder)
    folder.mkdir(exist_ok=True)
    with socket_folder(folder, _SOCKET) as sockets:
        owner = kept_secret(folder / "owner.secret")
        server = Postgres(
            folder,
            port=_SOCKET_NUMBER,
            database=DATABASE,
            logins={_OWNER: owner, spec.user: spec.secret},
            settings={**RENEWABLE, "listen_addresses": "", "unix_socket_directories": str(sockets)},
        )
        try:
            await asyncio.to_thread(server.prepare)
            server.launch()
            await asyncio.to_thread(server.wait)
            if not is_seeded(folder, wanted):
                await _seed(sockets, owner, spec.user)
                mark_seeded(folder, wanted)
            yield Database(sockets / _SOCKET, server.pid or 0)
        except PostgresError as error:
            raise CannotStartError(str(error)) from error
        finally:
            server.stop()


async def _seed(sockets: Path, owner: str, reader: str) -> None:
    """Writes the tables in one transaction, and lets the reader read them and do nothing else."""
    city = people()
    connection = await asyncpg.connect(
        host=str(sockets), port=_SOCKET_NUMBER, user=_OWNER, password=owner, database=DATABASE
    )
    try:
        async with connection.transaction():
            # The server does not wait for its log otherwise; these rows must be there once they are marked.
            await connection.execute(f"SET LOCAL synchronous_commit TO on; {SCHEMA}")
            await connection.copy_records_to_table(BIODATA, records=biodata(city), columns=BIODATA_COLUMNS)
            await connection.copy_records_to_table(KELUARGA, records=keluarga(city), columns=KELUARGA_COLUMNS)
            quoted = reader.replace('"', '""')
            await connection.execute(
                f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;"
                f'GRANT CONNECT ON DATABASE {DATABASE} TO "{quoted}";'
                f'GRANT SELECT ON {BIODATA}, {KELUARGA} TO "{quoted}";'
            )
        await connection.execute(f"ANALYZE {BIODATA}, {KELUARGA}")
    finally:
        await connection.close()
