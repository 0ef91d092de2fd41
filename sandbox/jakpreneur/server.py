"""The small business programme (JakPreneur): MariaDB, database `jakpreneur`; an SQLite file where MariaDB is missing.

The engine is chosen at the first start and written into the state folder (`engine`). Every later start uses it, even
when MariaDB was installed in the meantime: a hub that runs in front of the city keeps the address of this engine.

`GET /health` tells which: `"engine": "mariadb"`, or `"engine": "sqlite"` with the file's `"path"`. `SIMPUL_WITHOUT`
with `mariadb` selects the file. Any process that knows its path can read it: there is no server that could check a
credential, count calls, imitate latency or play a mode (the control API answers, and changes nothing).
"""

import asyncio
import hashlib
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import asyncmy

from sandbox.agency import AgencySpec, CannotStartError
from sandbox.agency_server import serve_control, wait_for_stop_signal
from sandbox.control import AgencyControl, Latency
from sandbox.databases.mariadb import MariaDb, MariaDbError, MariaDbPrograms, installed_mariadb, quote_literal
from sandbox.databases.mysql_dialect import MysqlDialect
from sandbox.databases.server import (
    DatabaseServer,
    is_seeded,
    load_or_create_secret,
    mark_seeded,
    serve_database,
    socket_folder,
)
from sandbox.databases.statements import StatementNames
from sandbox.jakpreneur.enterprises import MARIADB_SCHEMA, PRODUK, SQLITE_SCHEMA, UMKM, build_rows
from sandbox.population.city_population import build_population, fingerprint
from sandbox.programs import WITHOUT_VARIABLE

DATABASE = "jakpreneur"
TYPICAL_LATENCY = Latency(8, 40)
_OWNER = "jakpreneur_owner"
_SOCKET = "mariadb.sock"
MARIADB, SQLITE = "mariadb", "sqlite"
"""The engines, as the state folder and `GET /health` name them."""


def run(spec: AgencySpec) -> None:
    """Run the programme's database until a stop signal. Raises `CannotStartError`."""
    if spec.user in {_OWNER, "root"}:
        raise CannotStartError(
            f"the user {spec.user} owns the tables; choose another name for the one that reads them."
        )
    programs = _find_programs(spec.state)
    if programs is None:
        asyncio.run(_serve_file(spec))
        return
    control = AgencyControl(spec.name, TYPICAL_LATENCY if spec.latency else Latency(0, 0), {"engine": MARIADB})
    statements = StatementNames((UMKM, PRODUK))
    asyncio.run(serve_database(spec, control, _run_server(spec, programs), lambda: MysqlDialect(statements)))


def _find_programs(state: Path) -> MariaDbPrograms | None:
    """The programs of this city's engine; None for SQLite. Raises `CannotStartError`."""
    record = state / "engine"
    installed = installed_mariadb()
    if not record.exists():
        unfinished = record.with_suffix(".unfinished")
        unfinished.write_text(MARIADB if installed else SQLITE)
        unfinished.replace(record)
    engine = record.read_text().strip()
    if engine == SQLITE:
        return None
    if engine != MARIADB:
        raise CannotStartError(f"{record} names the engine {engine!r}; delete {state} to create the data again.")
    if installed is None:
        raise CannotStartError(
            f"this city began with MariaDB, and mariadbd is not found now: install it (Debian: mariadb-server), take "
            f"mariadb out of {WITHOUT_VARIABLE}, or delete {state} to create the data again in SQLite."
        )
    return installed


@asynccontextmanager
async def _run_server(spec: AgencySpec, programs: MariaDbPrograms) -> AsyncIterator[DatabaseServer]:
    """The MariaDB server with the seeded tables, on a unix socket only."""
    folder = spec.state / "mariadb"
    wanted = _fingerprint(MARIADB_SCHEMA, spec.user)
    if folder.exists() and not is_seeded(folder, wanted):
        shutil.rmtree(folder)
    folder.mkdir(exist_ok=True)
    with socket_folder(folder, _SOCKET) as sockets:
        owner = load_or_create_secret(folder / "owner.secret")
        server = MariaDb(programs, folder, sockets / _SOCKET)
        try:
            await server.start(_access_statements(owner, spec))
            if not is_seeded(folder, wanted):
                await _seed(server.socket, owner)
                mark_seeded(folder, wanted)
            yield DatabaseServer(server.socket, server.pid)
        except MariaDbError as error:
            raise CannotStartError(str(error)) from error
        finally:
            server.stop()


def _access_statements(owner: str, spec: AgencySpec) -> tuple[str, ...]:
    """Statements of every start: create the logins, and grant the hub's login SELECT only."""
    reader = f"{quote_literal(spec.user)}@localhost"
    return (
        "ALTER USER root@localhost ACCOUNT LOCK",
        f"CREATE DATABASE IF NOT EXISTS {DATABASE} CHARACTER SET utf8mb4",
        f"CREATE OR REPLACE USER {_OWNER}@localhost IDENTIFIED BY {quote_literal(owner)}",
        f"GRANT ALL ON {DATABASE}.* TO {_OWNER}@localhost",
        f"CREATE OR REPLACE USER {reader} IDENTIFIED BY {quote_literal(spec.secret)}",
        f"GRANT SELECT ON {DATABASE}.* TO {reader}",
    )


async def _seed(socket: Path, owner: str) -> None:
    enterprises, products = build_rows(build_population())
    connection = await asyncmy.connect(
        unix_socket=str(socket), user=_OWNER, password=owner, db=DATABASE, charset="utf8mb4"
    )
    try:
        async with connection.cursor() as cursor:
            for statement in MARIADB_SCHEMA:
                await cursor.execute(statement)
            await cursor.executemany(_insert(UMKM, enterprises, "%s"), enterprises)
            await cursor.executemany(_insert(PRODUK, products, "%s"), products)
        await connection.commit()
    finally:
        await connection.ensure_closed()


async def _serve_file(spec: AgencySpec) -> None:
    """Without a server: write the file, and publish its path on the control API."""
    path = spec.state / f"{DATABASE}.sqlite3"
    await asyncio.to_thread(_write_file, path)
    with _link_file(path) as shown:
        control = AgencyControl(spec.name, Latency(0, 0), {"engine": SQLITE, "path": str(shown)})
        async with serve_control(spec, control):
            control.ready = True
            await wait_for_stop_signal()


@contextmanager
def _link_file(path: Path) -> Iterator[Path]:
    """A link to the file that works only while this process lives, so a dead agency's data are unreachable.

    On systems without `/proc` (outside Linux), it is the file's own name.
    """
    with path.open("rb") as file:
        mine = Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")
        if not mine.exists():
            yield path
            return
        link = path.with_suffix(".open")
        link.unlink(missing_ok=True)
        link.symlink_to(mine)
        yield link


def _write_file(path: Path) -> None:
    """Write the file if it is missing or of another city; it gets its final name only when it is complete."""
    wanted = int(_fingerprint(SQLITE_SCHEMA)[:7], 16)
    if path.exists():
        with closing(sqlite3.connect(path)) as connection:
            if connection.execute("PRAGMA user_version").fetchone() == (wanted,):
                return
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    enterprises, products = build_rows(build_population())
    with closing(sqlite3.connect(unfinished)) as connection, connection:
        for statement in SQLITE_SCHEMA:
            connection.execute(statement)
        connection.executemany(_insert(UMKM, enterprises, "?"), enterprises)
        connection.executemany(_insert(PRODUK, products, "?"), products)
        connection.execute(f"PRAGMA user_version = {wanted}")
    unfinished.replace(path)


def _insert(table: str, values: Sequence[tuple[object, ...]], mark: str) -> str:
    return f"INSERT INTO {table} VALUES ({', '.join([mark] * len(values[0]))})"  # noqa: S608 - our own table names


def _fingerprint(schema: tuple[str, ...], *about: str) -> str:
    """The fingerprint of the data: another city, schema or login makes existing data useless."""
    return hashlib.sha256(repr((fingerprint(build_population()), schema, about)).encode()).hexdigest()
