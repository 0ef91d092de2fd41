"""An application that lets requests wait without a task, and a connection in memory to it."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import Receive, Scope, Send

from tests.web.server.fakes.bare_server import answer_lifespan
from tests.web.server.fakes.memory_connection import InMemoryServer
from web.server.single_write_response import WholeExchange, take_whole_exchange

POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
GET = b"GET /others HTTP/1.1\r\nHost: localhost\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"
LAST = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n"
FAULT = b"HTTP/1.1 500 Internal Server Error\r\n"


class WaitingApplication:
    """Keeps requests to `/` until the test answers them; other requests are answered by a task."""

    def __init__(self) -> None:
        self.repeated_requests = self
        self.answers = True
        self.exchanges: list[WholeExchange] = []
        self.disconnects: list[WholeExchange] = []
        self.scopes: list[Scope] = []
        self.fault: BaseException | None = None

    def answer(self, scope: Scope, body: bytes, exchange: WholeExchange) -> bool:
        del body
        if scope["path"] != "/":
            return False
        self.scopes.append(scope)
        exchange.knowledge = "known"
        if self.answers:
            if self.fault is not None:
                raise self.fault
            self.exchanges.append(exchange)
            exchange.on_disconnect = lambda: self.disconnects.append(exchange)
        return self.answers

    def finish(self, body: bytes = b"ok") -> None:
        """Answer the request that waits longest."""
        exchange = self.exchanges.pop(0)
        exchange.on_disconnect = None
        if not exchange.write_response(200, b"content-length: 2\r\n", body):
            exchange.send_in_pieces(lambda send: self.send(body, send))

    async def send(self, body: bytes, send: Send) -> None:
        if self.fault is not None:
            raise self.fault
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": body})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await answer_lifespan(receive, send)
            return
        if self.fault is not None:
            raise self.fault
        await receive()
        exchange = take_whole_exchange(scope)
        assert exchange is not None
        if not exchange.write_response(200, b"content-length: 2\r\n", b"by"):
            await self.send(b"by", send)


class Connection:
    """One connection of one server, whose head is known already."""

    def __init__(self, app: WaitingApplication, **settings: Any) -> None:  # noqa: ANN401 - any of the settings
        self.app = app
        self.server = InMemoryServer(app, **settings)
        self.protocol, self.transport = self.server.connect()
        self.protocol.data_received(POST)
        app.finish(b"1.")
        assert self.take() == OK + b"1."
        assert len(self.protocol.known_heads) == 1

    def read(self, data: bytes) -> None:
        """Pass bytes to the protocol."""
        self.protocol.data_received(data)

    def take(self) -> bytes:
        """What was written since the last time."""
        written = bytes(self.transport.written)
        self.transport.written.clear()
        return written


async def settle() -> None:
    """Let tasks run until they wait."""
    for _ in range(8):
        await asyncio.sleep(0)
