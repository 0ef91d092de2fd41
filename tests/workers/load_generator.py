"""Constant load on a hub over plain sockets, which detects and counts every failure."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from tests.sandbox_agencies import HOST

_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class FailedRequest:
    """A request without a good answer."""

    sent_at: float
    """When it was sent, on the clock of `time.monotonic`."""
    description: str
    """The kind of connection, and the observed failure."""


@dataclass(slots=True)
class LoadResult:
    """The outcomes of all requests."""

    answered: int = 0
    failures: list[FailedRequest] = field(default_factory=list)
    connections: int = 0
    in_flight: int = 0
    """Requests in flight."""


@dataclass(slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    answers: int = 0

    @property
    def is_closed(self) -> bool:
        """Whether the peer closed it, in any way."""
        return self.reader.at_eof() or self.reader.exception() is not None


class LoadGenerator:
    """Callers with kept-alive connections, and callers with a new connection per request."""

    def __init__(self, port: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        """All send the same query, with these headers."""
        self.load = LoadResult()
        self._port = port
        self._body = json.dumps(body).encode()
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._over = asyncio.Event()

    @contextlib.asynccontextmanager
    async def run_load(self, *, keep_alive: int, reconnecting: int, pause: float) -> AsyncIterator[LoadResult]:
        """Runs the load within the block; callers pause up to `pause` seconds between requests."""
        tasks = [
            asyncio.create_task(self._ask_repeatedly(keep_alive=number < keep_alive, pause=pause))
            for number in range(keep_alive + reconnecting)
        ]
        try:
            yield self.load
        finally:
            self._over.set()
            await asyncio.gather(*tasks)

    async def _ask_repeatedly(self, *, keep_alive: bool, pause: float) -> None:
        chance = random.Random(self.load.connections)  # noqa: S311 - spreads callers, hides nothing
        connection: _Connection | None = None
        while not self._over.is_set():
            if connection is not None and connection.is_closed:  # closed while idle, which is not a failure
                connection.writer.close()
                connection = None
            began = monotonic()
            self.load.in_flight += 1
            how = f"connection kept for {connection.answers} answers" if connection else "new connection"
            try:
                async with asyncio.timeout(_TIMEOUT):
                    connection = connection or await self._connect()
                    again = await self._ask(connection, close=not keep_alive)
                self.load.answered += 1
                connection.answers += 1
            except (OSError, EOFError, TimeoutError, ValueError) as problem:
                self.load.failures.append(FailedRequest(began, f"{how}: {type(problem).__name__} {problem}"))
                again = False
            self.load.in_flight -= 1
            if connection is not None and not again:
                connection.writer.close()
                connection = None
            await asyncio.sleep(chance.random() * pause)
        if connection is not None:
            connection.writer.close()

    async def _connect(self) -> _Connection:
        self.load.connections += 1
        return _Connection(*await asyncio.open_connection(HOST, self._port))

    async def _ask(self, connection: _Connection, *, close: bool) -> bool:
        """Whether the connection can be reused. Raises ValueError for an invalid answer."""
        connection.writer.write(
            f"POST /graphql HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n{self._headers}"
            f"Connection: {'close' if close else 'keep-alive'}\r\nContent-Length: {len(self._body)}\r\n\r\n".encode()
            + self._body
        )
        head = (await connection.reader.readuntil(b"\r\n\r\n")).decode().lower()
        status, _, rest = head.partition("\r\n")
        fields = dict(line.split(": ", 1) for line in rest.strip().split("\r\n"))
        answer = json.loads(await connection.reader.readexactly(int(fields["content-length"])))
        if " 200 " not in f"{status} " or "errors" in answer or not answer.get("data"):
            raise ValueError(f"{status}: {answer}")
        return not close and fields.get("connection") != "close"
