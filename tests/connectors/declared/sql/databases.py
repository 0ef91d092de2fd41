"""Real databases for tests of declared reads: PostgreSQL, MariaDB and SQLite, with the same tables."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg  # type: ignore[import-untyped]  # it ships no types
import pytest

from connectors.drivers.sql.driver import SqlDriver
from sandbox.databases.mariadb import MariaDb, installed_mariadb
from sandbox.databases.postgres import UNSAFE_SETTINGS, Postgres
from tests.sandbox_agencies import HOST, free_port

SCHEMES = ("postgresql", "mariadb", "sqlite")
_LOGIN, _SECRET = "hub", "rahasia-uji"


@dataclass(frozen=True)
class Database:
    """A database whose only user may do everything: only the session keeps the hub from writing."""

    scheme: str
    url: str

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[SqlDriver]:
        """A driver for the length of the block."""
        driver = SqlDriver("izin", self.url, deadline=10, pool_size=2)
        try:
            yield driver
        finally:
            await driver.close()


@contextmanager
def run_postgres(folder: Path) -> Iterator[Database]:
    """A PostgreSQL for the length of the block."""
    server = Postgres(
        folder, port=free_port(), database="izin", logins={_LOGIN: _SECRET}, settings=dict(UNSAFE_SETTINGS)
    )
    server.start()
    try:
        yield Database("postgresql", f"postgresql://{_LOGIN}:{_SECRET}@{HOST}:{server.port}/izin")
    finally:
        server.stop()


async def fill_postgres(database: Database, statements: Sequence[str]) -> None:
    """Run the statements as the owner."""
    connection = await asyncpg.connect(database.url)
    try:
        for each in statements:
            await connection.execute(each)
    finally:
        await connection.close()


@asynccontextmanager
async def run_mariadb(statements: Sequence[str]) -> AsyncIterator[Database]:
    """A MariaDB for the length of the block, with these statements run."""
    programs = installed_mariadb()
    if programs is None:
        pytest.skip("MariaDB is not installed (mariadbd and mariadb-install-db)")
    with TemporaryDirectory(prefix="simpul-mariadb-", dir="/tmp") as folder:  # a socket's path has to be short
        home, port = Path(folder), free_port()
        settings = ("--skip-networking=0", f"--bind-address={HOST}", f"--port={port}")
        server = MariaDb(programs, home, home / "mariadb.sock", settings=settings)
        login = f"{_LOGIN}@'{HOST}'"
        await server.start(
            [
                "CREATE DATABASE IF NOT EXISTS izin CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
                f"CREATE OR REPLACE USER {login} IDENTIFIED BY '{_SECRET}'",
                f"GRANT ALL ON izin.* TO {login}",
                "USE izin",
                *statements,
            ]
        )
        try:
            yield Database("mariadb", f"mariadb://{_LOGIN}:{_SECRET}@{HOST}:{port}/izin")
        finally:
            server.stop()


def create_sqlite(folder: Path, statements: Sequence[str]) -> Database:
    """A SQLite file with these statements run."""
    path = folder / "izin.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        for each in statements:
            connection.execute(each)
        connection.commit()
    return Database("sqlite", f"sqlite:///{path}")
