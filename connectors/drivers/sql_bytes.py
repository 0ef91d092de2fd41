"""How many bytes a database may send for one statement: counted on the wire, before the database's driver gathers them.

asyncpg and asyncmy collect the whole answer to a statement before anybody sees a row of it, and neither takes a bound.
So this stands between transport and driver, and cuts the connection where more comes than may.
"""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any, Protocol, cast


class ByteBound(Protocol):
    """What one connection may still bring."""

    @property
    def exceeded(self) -> bool:
        """Whether the connection was cut, since more came for one statement than may."""

    @property
    def received(self) -> int:
        """Bytes that came since the statement began."""

    def begin(self) -> None:
        """Begin a statement."""


class NoBound:
    """For a database without a wire: SQLite, which bounds values by itself."""

    exceeded = False
    received = 0

    def begin(self) -> None:
        """Nothing is counted."""


class _Counted:
    """Counts, and hands on everything to the driver's own protocol."""

    def __init__(self, transport: asyncio.Transport, protocol: Any, most: int) -> None:  # noqa: ANN401 - drivers' own protocols are compiled, without types
        self._transport = transport
        self._protocol = protocol
        self._most = most
        self.received = 0
        self.exceeded = False

    def begin(self) -> None:
        """Begin a statement."""
        self.received = 0

    def _takes(self, length: int) -> bool:
        """Whether the driver may have so many bytes more."""
        self.received += length
        if self.received > self._most and not self.exceeded:
            self.exceeded = True
            self._transport.abort()
        return not self.exceeded

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand on; see asyncio.BaseProtocol."""
        self._protocol.connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Hand on; see asyncio.BaseProtocol."""
        self._protocol.connection_lost(error)

    def pause_writing(self) -> None:
        """Hand on; see asyncio.BaseProtocol."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Hand on; see asyncio.BaseProtocol."""
        self._protocol.resume_writing()

    def eof_received(self) -> bool | None:
        """Hand on; see asyncio.Protocol."""
        return cast("bool | None", self._protocol.eof_received())


class _CountedPieces(_Counted, asyncio.Protocol):
    """For a driver that is given pieces (asyncpg)."""

    def data_received(self, data: bytes) -> None:
        """Count, and hand on; see asyncio.Protocol."""
        if self._takes(len(data)):
            self._protocol.data_received(data)


class _CountedBuffer(_Counted, asyncio.BufferedProtocol):
    """For a driver that gives a buffer (asyncmy)."""

    def get_buffer(self, sizehint: int) -> Any:  # noqa: ANN401 - whatever the driver's buffer is
        """Hand on; see asyncio.BufferedProtocol."""
        return self._protocol.get_buffer(sizehint)

    def buffer_updated(self, nbytes: int) -> None:
        """Count, and hand on; see asyncio.BufferedProtocol."""
        if self._takes(nbytes):
            self._protocol.buffer_updated(nbytes)


def bound_connection(driver: Any, most: int) -> ByteBound:  # noqa: ANN401 - drivers' own connections share no type
    """Bound what a driver's new connection brings for one statement, or one value, to so many bytes."""
    file = getattr(driver, "_conn", None)
    if isinstance(file, sqlite3.Connection):
        file.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, most)
        return NoBound()
    # Neither driver shows its transport; both have it by this name, and a test of each holds them to it.
    transport = driver._transport  # noqa: SLF001 - see above
    protocol = transport.get_protocol()
    kind = _CountedBuffer if isinstance(protocol, asyncio.BufferedProtocol) else _CountedPieces
    counted = kind(transport, protocol, most)
    transport.set_protocol(counted)
    return counted
