"""Lines between processes that hold their bytes at a named instant of a protocol, until a test has killed one end."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.sandbox_agencies import HOST

_SSL_REQUEST = 80877103
_CHUNK = 65_536


@dataclass(slots=True, kw_only=True)
class Instant:
    """A place in a conversation: the first message that matches, or the first bytes of its answer."""

    matches: Callable[[str], bool]
    """Decides by the request line of a call, or by the statements of a transaction that is to be committed."""
    is_answer: bool
    """Whether the message passes and its answer is held."""
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    ports: tuple[int, ...] = ()
    """The ports of the client and of the line in this conversation."""
    passes: bool = False
    """Whether the held bytes go on after the release; else the connection is cut."""

    def release(self, *, passes: bool) -> None:
        """Let the bytes go on, or cut the connection as the death of their sender does."""
        self.passes = passes
        self.released.set()


class HeldLine(ABC):
    """A line to a port of this machine. What its client sends is split into messages."""

    def __init__(self, target: int = 0) -> None:
        self.target = target
        self.port = 0
        self.instant: Instant | None = None
        """Where the next conversation that matches is held, once."""

    @abstractmethod
    def split(self) -> Splitter:
        """The splitter of one connection."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[HeldLine]:
        """Serve on a free port."""
        tasks: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(_Conversation(self, writer).run(reader, self.target))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_server(accept, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in [*tasks]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def hold(self, matches: Callable[[str], bool], *, is_answer: bool) -> Instant:
        """Hold the next message that matches, or its answer."""
        self.instant = Instant(matches=matches, is_answer=is_answer)
        return self.instant

    def take(self, text: str) -> Instant | None:
        """The instant, if the message is at it; others that match later pass."""
        found = self.instant
        if found is None or not found.matches(text):
            return None
        self.instant = None
        return found


Splitter = Callable[[bytes], Iterator[tuple[bytes, str | None]]]
"""From received bytes to messages. The text is that of a message that may be an instant."""


class _Conversation:
    """One connection over a line."""

    def __init__(self, line: HeldLine, writer: asyncio.StreamWriter) -> None:
        self._line = line
        self._client = writer
        self._held_answer: Instant | None = None
        self._ports: tuple[int, ...] = ()

    async def run(self, reader: asyncio.StreamReader, target: int) -> None:
        """Forward in both directions until one end closes."""
        try:
            there, server = await asyncio.open_connection(HOST, target)
        except OSError:
            self._client.close()
            return
        self._ports = (self._client.get_extra_info("peername")[1], server.get_extra_info("sockname")[1])
        ends = [
            asyncio.ensure_future(self._forward(reader, server)),
            asyncio.ensure_future(self._return(there)),
        ]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in ends:
                each.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
            for writer in (server, self._client):
                writer.close()

    async def _forward(self, reader: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        split = self._line.split()
        with contextlib.suppress(ConnectionError):
            while received := await reader.read(_CHUNK):
                for message, text in split(received):
                    instant = None if text is None else self._line.take(text)
                    if instant is not None and instant.is_answer:
                        self._held_answer = instant
                    elif instant is not None and not await self._pause(instant):
                        return
                    server.write(message)
                await server.drain()

    async def _return(self, there: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while received := await there.read(_CHUNK):
                held, self._held_answer = self._held_answer, None
                if held is not None and not await self._pause(held):
                    return
                self._client.write(received)
                await self._client.drain()

    async def _pause(self, instant: Instant) -> bool:
        instant.ports = self._ports
        instant.reached.set()
        await instant.released.wait()
        return instant.passes


class HttpLine(HeldLine):
    """A line of HTTP/1.1. An instant is known by its request line."""

    def split(self) -> Splitter:
        """Each piece of bytes is a message; those that begin a request have its line."""

        def split(received: bytes) -> Iterator[tuple[bytes, str | None]]:
            line = received.partition(b"\r\n")[0]
            yield received, line.decode() if line.endswith(b" HTTP/1.1") else None

        return split


class PostgresLine(HeldLine):
    """A line of PostgreSQL's protocol, without TLS. An instant is a commit, known by the statements before it."""

    def split(self) -> Splitter:
        """Whole messages; a commit has the texts of its transaction's statements."""
        return _PostgresMessages()


class _PostgresMessages:
    """The messages of one client. See https://www.postgresql.org/docs/current/protocol-message-formats.html."""

    def __init__(self) -> None:
        self._buffer = b""
        self._is_started = False
        self._prepared: dict[bytes, str] = {}
        self._transaction: list[str] = []

    def __call__(self, received: bytes) -> Iterator[tuple[bytes, str | None]]:
        self._buffer += received
        while (size := self._measure()) and len(self._buffer) >= size:
            message, self._buffer = self._buffer[:size], self._buffer[size:]
            yield message, self._read(message)

    def _measure(self) -> int:
        """The size of the next message; 0 if it is not known yet."""
        start = 1 if self._is_started else 0
        if len(self._buffer) < start + 4:
            return 0
        return start + int(struct.unpack_from("!I", self._buffer, start)[0])

    def _read(self, message: bytes) -> str | None:
        if not self._is_started:
            self._is_started = struct.unpack_from("!I", message, 4)[0] != _SSL_REQUEST
            return None
        kind, body = message[:1], message[5:]
        if kind == b"P":  # Parse: name, text
            name, _, rest = body.partition(b"\0")
            self._prepared[name] = rest.partition(b"\0")[0].decode()
        elif kind == b"B":  # Bind: portal, name
            self._transaction.append(self._prepared.get(body.split(b"\0", 2)[1], ""))
        elif kind == b"Q":  # simple query
            text = body.rstrip(b"\0").decode().strip().upper()
            if text.startswith("COMMIT"):
                done, self._transaction = "\n".join(self._transaction), []
                return done
            self._transaction = []
        return None


def commits(start: str) -> Callable[[str], bool]:
    """Whether a transaction has a statement that starts so."""
    return lambda done: any(each.startswith(start) for each in done.splitlines())


STATEMENTS: Mapping[str, str] = {
    "acceptance": "WITH stored AS",
    "claim": "WITH claimable AS",
    "outcome": "UPDATE commands SET",
}
"""How the statement of each transaction begins."""
