"""The front of an SQL agency: a TCP relay on its public port, before the real database server's unix socket.

Bytes pass through unchanged. Only statements on the agency's own tables are held back for a moment: they are counted
and wait their imitated latency, and in a mode of failure the front answers in the server's place. What a statement is,
and how a refusal is said, is the dialect's knowledge (`postgres_wire`, `mysql_wire`).
"""

import asyncio
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from sandbox.control import REFUSED, Control, Mode

_CHUNK = 1 << 16
_QUEUED_CHUNKS = 64


class Failure(Enum):
    """Why the front answers a statement in the server's place."""

    ERROR = auto()
    REFUSED = auto()
    CANCELLED = auto()


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of one direction that belong together, and what they mean, if they mean anything to the front.

    `operation`: a statement on the agency's tables. `login`: the client proves who it is. `cancels`: the client asks to
    cancel what the connection with this key is doing. `refused`: the server refused the credentials.
    `key`: by which other connections may cancel. `last`: the connection ends after these bytes.
    """

    data: bytes
    operation: str | None = None
    login: bool = False
    cancels: Hashable = None
    refused: bool = False
    key: Hashable = None
    last: bool = False


class Dialect(ABC):
    """One connection as its protocol sees it; no input or output of its own."""

    @abstractmethod
    def from_client(self, data: bytes) -> Sequence[Piece]:
        """The whole messages that have come from the client so far; the rest waits for more bytes."""

    @abstractmethod
    def from_server(self, data: bytes) -> Sequence[Piece]:
        """The same for the server's side."""

    @abstractmethod
    def fail(self, failure: Failure) -> "Answer":
        """How to fail the statement, or the login, that came last from the client."""

    @abstractmethod
    def rubbish(self) -> bytes:
        """What no server of this protocol would ever answer to a statement."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the front sends in place of a message: to the client, to the server; `last` ends the connection."""

    to_client: bytes = b""
    to_server: bytes = b""
    last: bool = False


@asynccontextmanager
async def fronted(
    listener: socket.socket, control: Control, server: Path, dialect: Callable[[], Dialect]
) -> AsyncIterator[None]:
    """Relays between a listening socket and a database server's unix socket for the length of the block."""
    front = _Front(control, server, dialect)
    relay = await asyncio.start_server(front.accept, sock=listener)
    try:
        yield
    finally:
        relay.close()
        front.end()


class _Front:
    """Every connection that is open now; one may ask to cancel what another one does."""

    def __init__(self, control: Control, server: Path, dialect: Callable[[], Dialect]) -> None:
        self._control = control
        self._server = server
        self._dialect = dialect
        self._open: set[_Connection] = set()
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
            connection = _Connection(self._control, self._dialect(), self.cancel)
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


class _Connection:
    """One client and the server's side of it."""

    def __init__(self, control: Control, dialect: Dialect, cancel_other: Callable[[Hashable], None]) -> None:
        self.key: Hashable = None
        self._control = control
        self._dialect = dialect
        self._cancel_other = cancel_other
        self._cancelled = asyncio.Event()

    def cancel(self) -> None:
        """Gives up the statement that is held back, if there is one."""
        self._cancelled.set()

    async def relay(self, client: _Stream, server: _Stream) -> None:
        """Passes bytes both ways until either side ends; a client that goes away ends a statement that is held back."""
        queue: asyncio.Queue[bytes] = asyncio.Queue(_QUEUED_CHUNKS)
        ways = (
            self._listen(client[0], queue),
            self._ask(queue, client[1], server[1]),
            self._answer(server[0], client[1]),
        )
        tasks = [asyncio.ensure_future(way) for way in ways]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _listen(self, client: asyncio.StreamReader, queue: asyncio.Queue[bytes]) -> None:
        while data := await client.read(_CHUNK):
            await queue.put(data)

    async def _ask(
        self, queue: asyncio.Queue[bytes], client: asyncio.StreamWriter, server: asyncio.StreamWriter
    ) -> None:
        while True:
            for piece in self._dialect.from_client(await queue.get()):
                if piece.cancels is not None:
                    self._cancel_other(piece.cancels)
                answer = await self._judge(piece)
                client.write(answer.to_client)
                server.write(answer.to_server)
                await client.drain()
                await server.drain()
                if answer.last:
                    return

    async def _answer(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while data := await server.read(_CHUNK):
            for piece in self._dialect.from_server(data):
                if piece.refused:
                    self._control.count(REFUSED)
                if piece.key is not None:
                    self.key = piece.key
                client.write(piece.data)
                if piece.last:
                    await client.drain()
                    return
            await client.drain()

    async def _judge(self, piece: Piece) -> Answer:
        """What becomes of a message of the client."""
        if self._control.mode is Mode.REFUSE and (piece.login or piece.operation):
            self._control.count(REFUSED)
            return self._dialect.fail(Failure.REFUSED)
        if piece.operation is not None:
            if not await self._waited(piece.operation):
                return self._dialect.fail(Failure.CANCELLED)
            if self._control.mode is Mode.ERROR:
                return self._dialect.fail(Failure.ERROR)
            if self._control.mode is Mode.RUBBISH:
                return Answer(to_client=self._dialect.rubbish(), last=True)
        return Answer(to_server=piece.data)

    async def _waited(self, operation: str) -> bool:
        """Counts and holds back one statement; False when it was cancelled meanwhile."""
        self._cancelled.clear()
        turn = asyncio.ensure_future(self._control.before(operation))
        cancelled = asyncio.ensure_future(self._cancelled.wait())
        try:
            await asyncio.wait((turn, cancelled), return_when=asyncio.FIRST_COMPLETED)
            return turn.done()
        finally:
            turn.cancel()
            cancelled.cancel()
