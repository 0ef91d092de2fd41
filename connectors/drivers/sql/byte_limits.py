"""What a database may send for one statement: checked on the wire, before the database's driver gathers it.

asyncpg and asyncmy collect the whole answer to a statement before the caller sees a row of it, and neither takes a
bound. asyncpg also believes every message header, and loops forever on some. So this sits between transport and
driver, and cuts the connection where more comes than may, or what no server sends.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from typing import Any, Protocol, cast

import asyncmy.connection
import asyncpg  # type: ignore[import-untyped]  # it ships no types

from connectors.drivers.sql.postgres_messages import MessageHeaders, demands_costly_hash

_MAX_LOGIN_BYTES = 64 * 1024
"""Bytes before the first statement. PostgreSQL sends 3 KB."""


class ConnectionCut(ConnectionAbortedError):  # noqa: N818 - says what happened to the reply, and drivers take it for a lost line
    """The connection was cut because of what came; the text says why and holds nothing that was sent."""


class ByteBound(Protocol):
    """What one connection may still bring."""

    @property
    def cut(self) -> ConnectionCut | None:
        """Why the connection was cut, where it was."""

    @property
    def received(self) -> int:
        """Bytes that came since the statement began."""

    def begin(self) -> None:
        """Begin a statement."""


class NoByteBound:
    """Before the first byte."""

    cut = None
    received = 0

    def begin(self) -> None:
        """Nothing is counted."""


class _CountedRows:
    """For SQLite, which has no wire: counts rows and their texts in the thread that reads them, one after the other.

    aiosqlite collects all rows of a statement before the caller sees the first. SQLite itself limits a single value.
    """

    def __init__(self, most_bytes: int, most_rows: int) -> None:
        self._most_bytes = most_bytes
        self._most_rows = most_rows
        self._rows = self.received = 0
        self.cut: ConnectionCut | None = None

    def begin(self) -> None:
        """Begin a statement."""
        self._rows = self.received = 0

    def take(self, _cursor: sqlite3.Cursor, row: tuple[object, ...]) -> tuple[object, ...]:
        """Count a row. Raises ConnectionCut, which ends the reading."""
        self._rows += 1
        self.received += sum(len(value) for value in row if isinstance(value, str | bytes))
        if self._rows > self._most_rows:
            self.cut = ConnectionCut(f"the answer has more than {self._most_rows} rows")
        elif self.received > self._most_bytes:
            self.cut = ConnectionCut(f"the answer is longer than {self._most_bytes} bytes")
        if self.cut is not None:
            raise self.cut
        return row


class _CountingProtocol:
    """Counts, and hands on everything to the driver's own protocol."""

    def __init__(self, protocol: Any, max_bytes: int) -> None:  # noqa: ANN401 - drivers' own protocols are compiled, without types
        self.protocol = protocol
        self.transport: asyncio.Transport | None = None
        self._most = max_bytes
        self.received = 0
        self.cut: ConnectionCut | None = None

    def begin(self) -> None:
        """Begin a statement."""
        self.received = 0

    def _count(self, length: int) -> bool:
        """Whether the driver may receive `length` more bytes."""
        self.received += length
        if self.received > self._most:
            self._refuse(f"the answer is longer than {self._most} bytes")
        return self.cut is None

    def _refuse(self, reason: str) -> None:
        if self.cut is None:
            self.cut = ConnectionCut(reason)
            if self.transport is not None:
                self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand on; see asyncio.BaseProtocol."""
        self.transport = cast("asyncio.Transport", transport)
        self.protocol.connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Hand on; see asyncio.BaseProtocol."""
        self.protocol.connection_lost(self.cut or error)

    def pause_writing(self) -> None:
        """Hand on; see asyncio.BaseProtocol."""
        self.protocol.pause_writing()

    def resume_writing(self) -> None:
        """Hand on; see asyncio.BaseProtocol."""
        self.protocol.resume_writing()

    def eof_received(self) -> bool | None:
        """Hand on; see asyncio.Protocol."""
        return cast("bool | None", self.protocol.eof_received())


class _CountingMessageProtocol(_CountingProtocol, asyncio.Protocol):
    """For asyncpg: also checks the header of each message, and how a server wants to receive the password."""

    def __init__(self, protocol: Any, most: int) -> None:  # noqa: ANN401 - see above
        super().__init__(protocol, most)
        self._headers = MessageHeaders()
        self._login: bytearray | None = bytearray()

    def begin(self) -> None:
        """Begin a statement: the login is over."""
        super().begin()
        self._login = None

    def data_received(self, data: bytes) -> None:
        """Count, check, and hand on; see asyncio.Protocol."""
        if not self._headers.check(data):
            self._refuse("what came is no message of PostgreSQL")
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
    """For a driver that gives a buffer (asyncmy)."""

    def get_buffer(self, sizehint: int) -> Any:  # noqa: ANN401 - whatever the driver's buffer is
        """Hand on; see asyncio.BufferedProtocol."""
        return self.protocol.get_buffer(sizehint)

    def buffer_updated(self, nbytes: int) -> None:
        """Count, and hand on; see asyncio.BufferedProtocol."""
        if self._count(nbytes):
            self.protocol.buffer_updated(nbytes)


class _BoundedLoop:
    """The event loop as asyncpg sees it: what a connection brings is checked from its first byte on.

    It has no `start_tls`: asyncpg then makes every connection, with TLS and without, by `create_connection`.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, max_bytes: int) -> None:
        self._loop = loop
        self._most = max_bytes

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

    def _bounded(self, protocol: Any) -> Any:  # noqa: ANN401 - whatever asyncpg connects: its question for TLS is no message
        return (
            _CountingMessageProtocol(protocol, self._most)
            if isinstance(protocol, asyncpg.protocol.Protocol)
            else protocol
        )


async def connect_postgres(max_bytes: int, *address: Any, **options: Any) -> Any:  # noqa: ANN401 - see asyncpg.connect
    """Connect as `asyncpg.connect` does, bounded from the first byte: before and after login, inside TLS."""
    loop = asyncio.get_running_loop()
    connection = await asyncpg.connect(*address, loop=_BoundedLoop(loop, max_bytes), **options)
    connection._loop = loop  # noqa: SLF001 - asyncio knows tasks by their loop, and it is only needed to connect
    return connection


class _MySqlConnection(asyncmy.connection.Connection):
    """A connection whose bytes are counted from the first one on; TLS replaces its wire during login."""

    most: int
    bound: ByteBound = NoByteBound()

    async def _get_server_information(self) -> None:
        self.bound = _bound_wire(self, self.most)
        await super()._get_server_information()  # type: ignore[misc]  # its types leave it out

    def write_packet(self, payload: bytes) -> None:
        self.bound = _bound_wire(self, self.most)
        super().write_packet(payload)


async def connect_mysql(max_bytes: int, *address: Any, **options: Any) -> Any:  # noqa: ANN401 - see asyncmy.connect
    """Connect as `asyncmy.connect` does, bounded from the first byte: before and after login, inside TLS."""
    # It logs a server's warnings word for word, and those hold values of rows and keys.
    logging.getLogger("asyncmy").setLevel(logging.CRITICAL)
    connection = _MySqlConnection(*address, **options)  # type: ignore[no-untyped-call]  # its types are incomplete
    connection.most = max_bytes
    try:
        await connection.connect()
    except Exception:
        if connection.bound.cut:
            raise connection.bound.cut from None
        raise
    return connection


def limit_connection(driver: Any, *, most_bytes: int, most_rows: int) -> ByteBound:  # noqa: ANN401 - drivers' own connections share no type
    """Limit what a driver's new connection receives for one statement. Rows are counted where there is no wire."""
    file = getattr(driver, "_conn", None)
    if not isinstance(file, sqlite3.Connection):
        return _bound_wire(driver, most_bytes)
    rows = _CountedRows(most_bytes, most_rows)
    file.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, most_bytes)
    file.row_factory = rows.take
    return rows


def _bound_wire(driver: Any, most: int) -> ByteBound:  # noqa: ANN401 - see above
    # Neither driver shows its transport; both have it by this name, and a test of each holds them to it.
    transport = driver._transport  # noqa: SLF001 - see above
    protocol = transport.get_protocol()
    if isinstance(protocol, _CountingProtocol):  # from the first byte on
        return protocol
    counted = _CountingBufferProtocol(protocol, most)
    counted.transport = transport
    transport.set_protocol(counted)
    return counted
