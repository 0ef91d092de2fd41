"""A connection to Redis that notices at once when the server closes its side."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from typing import Any

from redis.asyncio.connection import Connection


class PromptConnection(Connection):
    """redis-py's connection; asyncio's streams alone leave it half open until it is used again, perhaps never.

    The pool hands out the connection that was used last, so one below it may lie there for as long as the hub runs.
    TLS connections (`rediss://`) are closed at once by asyncio itself, and call nothing.
    """

    def __init__(self, *, when_lost: Callable[[], None] = lambda: None, **settings: Any) -> None:  # noqa: ANN401 - redis-py's own
        """`when_lost` is called when the server or the line ends the connection, before anybody can use it again."""
        super().__init__(**settings)
        self._when_lost = when_lost

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(loop=loop)
        async with asyncio.timeout(self.socket_connect_timeout):
            transport, protocol = await loop.create_connection(
                lambda: _PromptProtocol(reader, loop, self._when_lost), **self._connection_arguments()
            )
        if self.socket_keepalive:  # an address may ask for it
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._reader = reader
        self._writer = _PromptWriter(transport, protocol, reader, loop)


class _PromptProtocol(asyncio.StreamReaderProtocol):
    """Of a stream that has no use without its other side."""

    def __init__(
        self, reader: asyncio.StreamReader, loop: asyncio.AbstractEventLoop, when_lost: Callable[[], None]
    ) -> None:
        super().__init__(reader, loop=loop)
        self._when_lost = when_lost

    def eof_received(self) -> bool:
        """Have the transport closed; see asyncio.Protocol."""
        super().eof_received()
        self._when_lost()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """End; see asyncio.Protocol."""
        super().connection_lost(exc)
        if exc is not None:
            self._when_lost()


class _PromptWriter(asyncio.StreamWriter):
    """Of a transport that may be closing."""

    def writelines(self, data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Write; asyncio's own, on a transport that is closing, watches a handle that soon is another socket's."""
        self.write(b"".join(data))
