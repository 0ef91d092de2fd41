"""One connection to an agency's database, over the driver of its kind: asyncpg, asyncmy, or the standard library.

A read is one round trip. SQLAlchemy's asynchronous engine takes four times the processor time for it, because it runs
synchronous code in greenlets, and prepares everything that a result could need.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from connectors.drivers.sql.address import SqlAddress
from connectors.drivers.sql.byte_limits import (
    ByteBound,
    NoByteBound,
    StatementLimits,
    connect_mysql,
    connect_postgres,
    limit_connection,
)

Row = Mapping[str, object]
"""One row of a result, by column name."""
CLOSE_TIMEOUT: Final = 1.0
"""Seconds that a server may take to acknowledge the end of a connection before it is cut."""


class FetchedRows(NamedTuple):
    """The rows of a result as the driver has them."""

    rows: Sequence[Any]
    to_row: Callable[[Any], Row]


class SqlConnection(Protocol):
    """One connection. It serves one statement at a time."""

    bound: ByteBound
    served_at: float | None
    """When it last answered, by the monotonic clock; None if it never did."""

    @property
    def is_open(self) -> bool:
        """Whether it can serve a statement, as far as this end knows."""

    async def fetch(self, statement: str, values: Sequence[Any]) -> FetchedRows:
        """The whole result of a statement. Raises the errors of the driver."""

    async def close(self) -> None:
        """Say goodbye to the server, within `CLOSE_TIMEOUT`."""

    def abort(self) -> None:
        """Cut the connection."""


Connect = Callable[[], Awaitable[SqlConnection]]
"""Opens a connection. Raises the errors of the driver."""


class PostgresConnection:
    """A connection of asyncpg, which prepares each statement once."""

    def __init__(self, driver: Any, bound: ByteBound) -> None:  # noqa: ANN401 - it ships no types
        self._driver = driver
        self.bound = bound
        self.served_at: float | None = None

    @property
    def is_open(self) -> bool:
        """See `SqlConnection`."""
        return not self._driver.is_closed()

    async def fetch(self, statement: str, values: Sequence[Any]) -> FetchedRows:
        """See `SqlConnection`."""
        return FetchedRows(await self._driver.fetch(statement, *values), dict)

    async def close(self) -> None:
        """See `SqlConnection`. A statement under way is cancelled at the server first."""
        await self._driver.close(timeout=CLOSE_TIMEOUT)

    def abort(self) -> None:
        """See `SqlConnection`."""
        self._driver.terminate()


class MySqlConnection:
    """A connection of asyncmy."""

    def __init__(self, driver: Any, bound: ByteBound) -> None:  # noqa: ANN401 - its types are incomplete
        self._driver = driver
        self.bound = bound
        self.served_at: float | None = None

    @property
    def is_open(self) -> bool:
        """See `SqlConnection`."""
        return bool(self._driver.connected)

    async def fetch(self, statement: str, values: Sequence[Any]) -> FetchedRows:
        """See `SqlConnection`."""
        cursor = self._driver.cursor()
        await cursor.execute(statement, tuple(values))
        names = [each[0] for each in cursor.description or ()]
        rows = await cursor.fetchall()
        await cursor.close()
        return FetchedRows(rows, lambda row: dict(zip(names, row, strict=True)))

    async def close(self) -> None:
        """See `SqlConnection`."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._driver.ensure_closed()
        finally:
            self.abort()

    def abort(self) -> None:
        """See `SqlConnection`."""
        self._driver.close()


class SqliteFile:
    """A file. It is opened for each read, which costs little and notices a replaced or removed file."""

    def __init__(self, address: str, limits: StatementLimits) -> None:
        """`address` is a URI of SQLite."""
        self._address = address
        self._limits = limits
        self._running: sqlite3.Connection | None = None
        self.is_open = True
        self.bound: ByteBound = NoByteBound()
        self.served_at: float | None = None

    async def fetch(self, statement: str, values: Sequence[Any]) -> FetchedRows:
        """See `SqlConnection`."""
        try:
            return await asyncio.to_thread(self._read, statement, values)
        except asyncio.CancelledError:
            self.abort()
            raise

    def _read(self, statement: str, values: Sequence[Any]) -> FetchedRows:
        with closing(sqlite3.connect(self._address, uri=True, check_same_thread=False)) as file:
            self.bound = limit_connection(file, self._limits)
            self._running = file
            try:
                if not self.is_open:  # abandoned before its thread began
                    return FetchedRows((), dict)
                found = file.execute(statement, values)
                names = [each[0] for each in found.description or ()]
                return FetchedRows(found.fetchall(), lambda row: dict(zip(names, row, strict=True)))
            finally:
                self._running = None

    async def close(self) -> None:
        """See `SqlConnection`."""

    def abort(self) -> None:
        """Stop the statement in its thread."""
        self.is_open = False
        if (running := self._running) is not None:
            running.interrupt()


def build_connect(address: SqlAddress, limits: StatementLimits) -> Connect:
    """The way to open connections to an address, whose statements are limited."""
    if address.is_file:
        mode = address.dialect.read_only["mode"]
        return partial(_open_file, f"{address.url.database}?mode={mode}", limits)
    positional, named = address.list_arguments()
    if address.dialect.scheme == "postgresql":
        return partial(_connect_postgres, limits, positional, named)
    return partial(_connect_mysql, limits, positional, {**named, "autocommit": True})


async def _open_file(address: str, limits: StatementLimits) -> SqlConnection:
    return SqliteFile(address, limits)


async def _connect_postgres(
    limits: StatementLimits, positional: Sequence[Any], options: Mapping[str, Any]
) -> SqlConnection:
    driver = await connect_postgres(limits, *positional, **options)
    return PostgresConnection(driver, limit_connection(driver, limits))


async def _connect_mysql(
    limits: StatementLimits, positional: Sequence[Any], options: Mapping[str, Any]
) -> SqlConnection:
    driver = await connect_mysql(limits, *positional, **options)
    return MySqlConnection(driver, limit_connection(driver, limits))
