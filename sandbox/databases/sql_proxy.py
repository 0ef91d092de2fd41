"""The proxy of an SQL agency: a TCP relay between its public port and the database server's unix socket.

Bytes pass unchanged. Only statements on the agency's own tables are held: they are counted and wait their imitated
latency. In a failure mode, the proxy answers in place of the server. The dialects (`postgres_dialect`, `mysql_dialect`)
find statements and build refusals.
"""

import asyncio
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from sandbox.control import REFUSED, AgencyControl, AgencyMode

_CHUNK = 1 << 16
_QUEUED_CHUNKS = 64


class StatementFailure(Enum):
    """The reason why the proxy answers a statement in place of the server."""

    ERROR = auto()
    REFUSED = auto()
    CANCELLED = auto()


@dataclass(frozen=True, slots=True)
class ProtocolMessage:
    """Bytes of one direction that belong together, and their meaning for the proxy.

    `operation`: a statement on the agency's tables. `login`: the client authenticates. `cancels`: the client cancels
    the statement of the connection with this key. `refused`: the server refused the credentials. `key`: the key by
    which other connections may cancel. `last`: the connection ends after these bytes.
    """

    data: bytes
    operation: str | None = None
    login: bool = False
    cancels: Hashable = None
    refused: bool = False
    key: Hashable = None
    last: bool = False


class WireDialect(ABC):
    """The protocol state of one connection, without input or output."""

    @abstractmethod
    def from_client(self, data: bytes) -> Sequence[ProtocolMessage]:
        """The complete messages received from the client so far; the rest waits for more bytes."""

    @abstractmethod
    def from_server(self, data: bytes) -> Sequence[ProtocolMessage]:
        """The same for the server's side."""

    @abstractmethod
    def fail(self, failure: StatementFailure) -> "ProxyAnswer":
        """The answer that fails the last statement or login of the client."""

    @abstractmethod
    def rubbish(self) -> bytes:
        """Bytes that no server of this protocol would answer to a statement."""


@dataclass(frozen=True, slots=True)
class ProxyAnswer:
    """What the proxy sends in place of a message: to the client, to the server; `last` ends the connection."""

    to_client: bytes = b""
    to_server: bytes = b""
    last: bool = False


@asynccontextmanager
async def run_sql_proxy(
    listener: socket.socket, control: AgencyControl, server: Path, dialect: Callable[[], WireDialect]
) -> AsyncIterator[None]:
    """Relay between a listening socket and a database server's unix socket for the length of the block."""
    front = _SqlProxy(control, server, dialect)
    relay = await asyncio.start_server(front.accept, sock=listener)
    try:
        yield
    finally:
        relay.close()
        front.end()


class _SqlProxy:
    """All open connections; one may cancel the statement of another."""

    def __init__(self, control: AgencyControl, server: Path, dialect: Callable[[], WireDialect]) -> None:
        self._control = control
        self._server = server
        self._dialect = dialect
        self._open: set[_ProxiedConnection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with closing(writer):
            try:
                server_reader, server_writer = await asyncio.open_unix_connection(str(self._server))
            except OSError:
                return
            connection = _ProxiedConnection(self._control, self._dialect(), self.cancel)
            self._open.add(connection)
            try:
                with closing(server_writer), suppress(OSError, asyncio.CancelledError):
                    await connection.relay((reader, writer), (server_reader, server_writer))
            finally:
                self._open.discard(connection)
                self._tasks.discard(task)

    def cancel(self, key: Hashable) -> None:
        for connection in self._open:
            if connection.key == key:
                connection.cancel()

    def end(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()


_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _ProxiedConnection:
    """A client's connection with its connection to the server."""

    def __init__(self, control: AgencyControl, dialect: WireDialect, cancel_other: Callable[[Hashable], None]) -> None:
        self.key: Hashable = None
        self._control = control
        self._dialect = dialect
        self._cancel_other = cancel_other
        self._cancelled = asyncio.Event()

    def cancel(self) -> None:
        """Cancel the held statement, if there is one."""
        self._cancelled.set()

    async def relay(self, client: _Stream, server: _Stream) -> None:
        """Relay both directions until either side ends; a client that disconnects ends its held statement."""
        queue: asyncio.Queue[bytes] = asyncio.Queue(_QUEUED_CHUNKS)
        directions = (
            self._read_client(client[0], queue),
            self._forward_to_server(queue, client[1], server[1]),
            self._forward_to_client(server[0], client[1]),
        )
        tasks = [asyncio.ensure_future(way) for way in directions]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _read_client(self, client: asyncio.StreamReader, queue: asyncio.Queue[bytes]) -> None:
        while data := await client.read(_CHUNK):
            await queue.put(data)

    async def _forward_to_server(
        self, queue: asyncio.Queue[bytes], client: asyncio.StreamWriter, server: asyncio.StreamWriter
    ) -> None:
        while True:
            for piece in self._dialect.from_client(await queue.get()):
                if piece.cancels is not None:
                    self._cancel_other(piece.cancels)
                answer = await self._handle_message(piece)
                client.write(answer.to_client)
                server.write(answer.to_server)
                await client.drain()
                await server.drain()
                if answer.last:
                    return

    async def _forward_to_client(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while data := await server.read(_CHUNK):
            for piece in self._dialect.from_server(data):
                if piece.refused:
                    self._control.count_call(REFUSED)
                if piece.key is not None:
                    self.key = piece.key
                client.write(piece.data)
                if piece.last:
                    await client.drain()
                    return
            await client.drain()

    async def _handle_message(self, piece: ProtocolMessage) -> ProxyAnswer:
        """The proxy's answer to a message of the client."""
        if self._control.mode is AgencyMode.REFUSE and (piece.login or piece.operation):
            self._control.count_call(REFUSED)
            return self._dialect.fail(StatementFailure.REFUSED)
        if piece.operation is not None:
            if not await self._wait_latency(piece.operation):
                return self._dialect.fail(StatementFailure.CANCELLED)
            if self._control.mode is AgencyMode.ERROR:
                return self._dialect.fail(StatementFailure.ERROR)
            if self._control.mode is AgencyMode.RUBBISH:
                return ProxyAnswer(to_client=self._dialect.rubbish(), last=True)
        return ProxyAnswer(to_server=piece.data)

    async def _wait_latency(self, operation: str) -> bool:
        """Count and hold one statement; False if it was cancelled meanwhile."""
        self._cancelled.clear()
        call = asyncio.ensure_future(self._control.begin_call(operation))
        cancelled = asyncio.ensure_future(self._cancelled.wait())
        try:
            await asyncio.wait((call, cancelled), return_when=asyncio.FIRST_COMPLETED)
            return call.done()
        finally:
            call.cancel()
            cancelled.cancel()
