"""Connections to Redis that detect immediately when the server closes its side.

With asyncio's streams alone, an idle connection stays half open until its next use. redis-py's pool hands out the
connection that was used last, so a connection below it may stay half open for as long as the hub runs.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection


def connect_redis(url: str, *, connect_timeout: float, when_lost: Callable[[], None] = lambda: None) -> Redis:
    """Builds a client as `Redis.from_url` does, without retries. Opens nothing yet.

    Give each command its time limit with `asyncio.timeout`. With `socket_timeout`, redis-py sends within
    `asyncio.wait_for`, which can lose a cancellation before Python 3.12.

    `when_lost` runs when the server or the network closes a connection, before the next command is sent.
    """
    pool = ConnectionPool.from_url(url, socket_connect_timeout=connect_timeout, protocol=2)
    pool.connection_class = _PROMPT[pool.connection_class]
    pool.connection_kwargs["when_lost"] = when_lost
    return Redis.from_pool(pool)


class _Prompt(AbstractConnection):
    """A mixin for redis-py's connections."""

    def __init__(self, *, when_lost: Callable[[], None], **settings: Any) -> None:  # noqa: ANN401 - redis-py's own
        super().__init__(**settings)
        self._when_lost = when_lost

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(loop=loop)
        protocol = _PromptProtocol(reader, loop, self._when_lost)
        async with asyncio.timeout(self.socket_connect_timeout):
            transport = await self._open(protocol)
        self._reader = reader
        self._writer = _PromptWriter(transport, protocol, reader, loop)

    async def _open(self, protocol: asyncio.Protocol) -> asyncio.WriteTransport:
        raise NotImplementedError


class _PromptTcp(_Prompt, Connection):
    async def _open(self, protocol: asyncio.Protocol) -> asyncio.WriteTransport:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(lambda: protocol, **self._connection_arguments())
        if self.socket_keepalive:  # the URL may set it
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return transport


class _PromptTls(_PromptTcp, SSLConnection):
    """A TCP connection whose arguments include the TLS context."""


class _PromptUnix(_Prompt, UnixDomainSocketConnection):
    async def _open(self, protocol: asyncio.Protocol) -> asyncio.WriteTransport:
        transport, _ = await asyncio.get_running_loop().create_unix_connection(lambda: protocol, self.path)
        return transport


_PROMPT: Mapping[type[AbstractConnection], type[_Prompt]] = {
    Connection: _PromptTcp,
    SSLConnection: _PromptTls,
    UnixDomainSocketConnection: _PromptUnix,
}


class _PromptProtocol(asyncio.StreamReaderProtocol):
    """The protocol of a stream that is useless without its peer."""

    def __init__(
        self, reader: asyncio.StreamReader, loop: asyncio.AbstractEventLoop, when_lost: Callable[[], None]
    ) -> None:
        super().__init__(reader, loop=loop)
        self._when_lost = when_lost

    def eof_received(self) -> bool:
        """Closes the transport; see asyncio.Protocol."""
        super().eof_received()
        self._when_lost()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Reports the loss; see asyncio.Protocol."""
        super().connection_lost(exc)
        if exc is not None:
            self._when_lost()


class _PromptWriter(asyncio.StreamWriter):
    """The writer of a transport that may be closing."""

    def writelines(self, data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Writes in one piece.

        On a closing transport, asyncio's own method watches a handle that may soon belong to another socket.
        """
        self.write(b"".join(data))
