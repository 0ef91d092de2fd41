"""Limits what a database may send for one statement, on the wire, before its driver collects it.

asyncpg and asyncmy collect the whole result of a statement before the caller sees a row, and have no limit. asyncpg
also trusts every message header, and loops forever on some. So this module sits between transport and driver, and cuts
the connection if too much or an invalid header comes.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

import asyncmy.connection
import asyncpg  # type: ignore[import-untyped]  # it ships no types

from connectors.drivers.sql.postgres_messages import MessageHeaders, demands_costly_hash

_MAX_LOGIN_BYTES = 64 * 1024
"""Maximum bytes before the first statement. PostgreSQL sends 3 KB."""


class ConnectionCut(ConnectionAbortedError):  # noqa: N818 - drivers treat it as a lost connection
    """The connection was cut because of the received bytes. The text states why, without their content."""


@dataclass(frozen=True)
class StatementLimits:
    """The most that a database may send for one statement."""

    size: int
    """In bytes."""
    rows: int

    def describe_rows(self) -> str:
        """Say that there were more rows."""
        return f"the answer has more than {self.rows} rows"

    def describe_size(self) -> str:
        """Say that there were more bytes."""
        return f"the answer is longer than {self.size} bytes"


class ByteBound(Protocol):
    """The remaining limit of one connection."""

    @property
    def cut(self) -> ConnectionCut | None:
        """Why the connection was cut; None if it was not."""

    @property
    def received(self) -> int:
        """Bytes received since the statement began."""

    def begin(self) -> None:
        """Reset the limit for a new statement."""


class NoByteBound:
    """Starts before the first byte."""

    cut = None
    received = 0

    def begin(self) -> None:
        """Starts without any count."""


class _CountedRows:
    """For SQLite, which has no wire: counts rows and their texts one by one, in the thread that reads them.

    All rows of a statement are collected before the caller sees the first. SQLite limits the size of one value.
    """

    def __init__(self, limits: StatementLimits) -> None:
        self._limits = limits
        self._rows = self.received = 0
        self.cut: ConnectionCut | None = None

    def begin(self) -> None:
        """Reset the limit for a new statement."""
        self._rows = self.received = 0

    def take(self, _cursor: sqlite3.Cursor, row: tuple[object, ...]) -> tuple[object, ...]:
        """Count a row. Raises ConnectionCut to stop reading."""
        self._rows += 1
        self.received += sum(len(value) for value in row if isinstance(value, str | bytes))
        if self._rows > self._limits.rows:
            self.cut = ConnectionCut(self._limits.describe_rows())
        elif self.received > self._limits.size:
            self.cut = ConnectionCut(self._limits.describe_size())
        if self.cut is not None:
            raise self.cut
        return row


class _CountingProtocol:
    """Counts the bytes, and passes everything on to the driver's own protocol."""

    def __init__(self, protocol: Any, limits: StatementLimits) -> None:  # noqa: ANN401 - drivers' own protocols are compiled, without types
        self.protocol = protocol
        self.transport: asyncio.Transport | None = None
        self._limits = limits
        self.received = 0
        self.cut: ConnectionCut | None = None

    def begin(self) -> None:
        """Reset the limit for a new statement."""
        self.received = 0

    def _count(self, length: int) -> bool:
        """Whether the driver may receive `length` more bytes."""
        self.received += length
        if self.received > self._limits.size:
            self._refuse(self._limits.describe_size())
        return self.cut is None

    def _refuse(self, reason: str) -> None:
        if self.cut is None:
            self.cut = ConnectionCut(reason)
            if self.transport is not None:
                self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pass on; see asyncio.BaseProtocol."""
        self.transport = cast("asyncio.Transport", transport)
        self.protocol.connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Pass on; see asyncio.BaseProtocol."""
        self.protocol.connection_lost(self.cut or error)

    def pause_writing(self) -> None:
        """Pass on; see asyncio.BaseProtocol."""
        self.protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass on; see asyncio.BaseProtocol."""
        self.protocol.resume_writing()

    def eof_received(self) -> bool | None:
        """Pass on; see asyncio.Protocol."""
        return cast("bool | None", self.protocol.eof_received())


class _CountingMessageProtocol(_CountingProtocol, asyncio.Protocol):
    """For asyncpg: also counts rows, checks the header of each message, and the password hash that the server demands.

    Thousands of tiny rows are few bytes, and asyncpg would read them all in one turn of the event loop.
    """

    def __init__(self, protocol: Any, limits: StatementLimits) -> None:  # noqa: ANN401 - see above
        super().__init__(protocol, limits)
        self._headers = MessageHeaders(limits.rows)
        self._login: bytearray | None = bytearray()

    def begin(self) -> None:
        """Reset the limit for a new statement, after the login."""
        super().begin()
        self._headers.rows = 0
        self._login = None

    def data_received(self, data: bytes) -> None:
        """Count, check, and pass on; see asyncio.Protocol."""
        if not self._headers.check(data):
            self._refuse("what came is not a message of PostgreSQL")
        if self._headers.rows > self._limits.rows:
            self._refuse(self._limits.describe_rows())
        if self._login is not None:
            self._check_login(self._login, data)
        if self._count(len(data)):
            self.protocol.data_received(data)

    def _check_login(self, login: bytearray, data: bytes) -> None:
        login += data[:_MAX_LOGIN_BYTES]
        if len(login) > _MAX_LOGIN_BYTES:
            self._refuse(f"the login is longer than {_MAX_LOGIN_BYTES} bytes")
        elif demands_costly_hash(login):
            self._refuse("the login demands too many rounds of hashing")


class _CountingBufferProtocol(_CountingProtocol, asyncio.BufferedProtocol):
    """For a driver with its own buffer (asyncmy)."""

    def get_buffer(self, sizehint: int) -> Any:  # noqa: ANN401 - whatever the driver's buffer is
        """Pass on; see asyncio.BufferedProtocol."""
        return self.protocol.get_buffer(sizehint)

    def buffer_updated(self, nbytes: int) -> None:
        """Count, and pass on; see asyncio.BufferedProtocol."""
        if self._count(nbytes):
            self.protocol.buffer_updated(nbytes)


class _BoundedLoop:
    """An event loop for asyncpg, whose connections are checked from the first byte.

    It has no `start_tls`, so asyncpg opens every connection by `create_connection`, with or without TLS.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: StatementLimits) -> None:
        self._loop = loop
        self._limits = limits

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - everything else is the loop's own
        if name == "start_tls":
            raise AttributeError(name)
        return getattr(self._loop, name)

    async def create_connection(self, make: Callable[[], Any], *address: Any, **options: Any) -> tuple[Any, Any]:  # noqa: ANN401 - see asyncio
        """Connect; see asyncio.AbstractEventLoop."""
        transport, made = await self._loop.create_connection(lambda: self._bounded(make()), *address, **options)
        return transport, made.protocol if isinstance(made, _CountingProtocol) else made

    async def create_unix_connection(self, make: Callable[[], Any], path: str) -> tuple[Any, Any]:
        """Connect; see asyncio.AbstractEventLoop."""
        transport, made = await self._loop.create_unix_connection(lambda: self._bounded(make()), path)
        return transport, made.protocol if isinstance(made, _CountingProtocol) else made

    def _bounded(self, protocol: Any) -> Any:  # noqa: ANN401 - whatever asyncpg connects: its question for TLS is not a message
        return (
            _CountingMessageProtocol(protocol, self._limits)
            if isinstance(protocol, asyncpg.protocol.Protocol)
            else protocol
        )


async def connect_postgres(limits: StatementLimits, *address: Any, **options: Any) -> Any:  # noqa: ANN401 - see asyncpg.connect
    """Connect like `asyncpg.connect`, with limits from the first byte: before and after login, also inside TLS."""
    loop = asyncio.get_running_loop()
    connection = await asyncpg.connect(*address, loop=_BoundedLoop(loop, limits), **options)
    connection._loop = loop  # noqa: SLF001 - asyncio knows tasks by their loop, and it is only needed to connect
    return connection


class _MySqlConnection(asyncmy.connection.Connection):
    """A connection that counts bytes from the first; TLS replaces its transport during login."""

    limits: StatementLimits
    bound: ByteBound = NoByteBound()

    async def _get_server_information(self) -> None:
        self.bound = _bound_wire(self, self.limits)
        await super()._get_server_information()  # type: ignore[misc]  # its types leave it out

    def write_packet(self, payload: bytes) -> None:
        self.bound = _bound_wire(self, self.limits)
        super().write_packet(payload)


async def connect_mysql(limits: StatementLimits, *address: Any, **options: Any) -> Any:  # noqa: ANN401 - see asyncmy.connect
    """Connect like `asyncmy.connect`, with limits from the first byte: before and after login, also inside TLS."""
    # It logs a server's warnings, which contain values of rows and keys.
    logging.getLogger("asyncmy").setLevel(logging.CRITICAL)
    connection = _MySqlConnection(*address, **options)  # type: ignore[no-untyped-call]  # its types are incomplete
    connection.limits = limits
    try:
        await connection.connect()
    except Exception:
        if connection.bound.cut:
            raise connection.bound.cut from None
        raise
    return connection


def limit_connection(driver: Any, limits: StatementLimits) -> ByteBound:  # noqa: ANN401 - drivers' own connections share no type
    """Limit what a driver's new connection receives for one statement; count rows if there is no wire."""
    if not isinstance(driver, sqlite3.Connection):
        return _bound_wire(driver, limits)
    rows = _CountedRows(limits)
    driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, limits.size)
    driver.row_factory = rows.take
    return rows


def _bound_wire(driver: Any, limits: StatementLimits) -> ByteBound:  # noqa: ANN401 - see above
    # Neither driver exposes its transport; both use this attribute name, and a test of each checks it.
    transport = driver._transport  # noqa: SLF001 - see above
    protocol = transport.get_protocol()
    if isinstance(protocol, _CountingProtocol):  # from the first byte
        return protocol
    counted = _CountingBufferProtocol(protocol, limits)
    counted.transport = transport
    transport.set_protocol(counted)
    return counted
