"""The hub's HTTP server over real sockets, with an application that answers `ok`."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any, cast

from starlette.types import ASGIApp, Receive, Scope, Send

from web.server.header_limits import LimitedHttpProtocol
from web.server.http_server import HttpServer, ShutdownPolicy
from web.server.single_write_response import take_whole_exchange
from web.server.uvicorn_config import build_uvicorn_config
from web.settings import WebSettings

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def answer_lifespan(receive: Receive, send: Send) -> None:
    """Answer the messages of ASGI's lifespan protocol until the shutdown."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


class BareApplication:
    """Answers `ok`; to `/slowly` when the test allows it, to `/whole` in a single write. Records how requests end."""

    def __init__(self) -> None:
        self.request_arrived = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.events: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            self.events.append("closed")
            await send({"type": "lifespan.shutdown.complete"})
            return
        await receive()
        if scope["path"] == "/slowly":
            self.request_arrived.set()
            going_on, going = asyncio.create_task(self.may_answer.wait()), asyncio.ensure_future(receive())
            await asyncio.wait({going_on, going}, return_when=asyncio.FIRST_COMPLETED)
            going_on.cancel()
            if going.done():
                self.events.append("client gone")
                return
            going.cancel()
        exchange = take_whole_exchange(scope) if scope["path"] == "/whole" else None
        if exchange is not None and exchange.write_response(200, b"content-length: 2\r\n", b"ok"):
            self.events.append("answered")
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})
        self.events.append("answered")


class BareServer:
    """A running server, and connections to it."""

    def __init__(
        self, server: HttpServer, application: BareApplication, port: int, serving: asyncio.Task[None]
    ) -> None:
        self.server = server
        self.application = application
        self.port = port
        self.serving = serving
        self.writers: list[asyncio.StreamWriter] = []

    async def connect(self, **how: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:  # noqa: ANN401 - asyncio's
        reader, writer = await asyncio.open_connection(**how or {"host": "127.0.0.1", "port": self.port})
        self.writers.append(writer)
        return reader, writer

    async def send_request(self, path: bytes = b"/") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await self.connect()
        writer.write(GET.replace(b"/ ", path + b" ", 1))
        return reader, writer

    @property
    def protocols(self) -> list[LimitedHttpProtocol]:
        """The protocols of the open connections."""
        return cast("list[LimitedHttpProtocol]", list(self.server.server_state.connections))

    async def wait_until_draining(self) -> None:
        """Wait until the server accepts no more connections."""
        while True:
            try:
                _, writer = await self.connect()
            except OSError:
                return
            writer.close()
            await asyncio.sleep(0.01)  # until the server notices the shutdown


@contextlib.asynccontextmanager
async def serve_bare_application(**settings: Any) -> AsyncIterator[BareServer]:  # noqa: ANN401 - any of the settings
    application = BareApplication()
    async with serve_application(application, **settings) as (server, port, serving):
        hub = BareServer(server, application, port, serving)
        try:
            yield hub
        finally:
            for each in hub.writers:
                each.close()


@contextlib.asynccontextmanager
async def serve_application(
    application: ASGIApp,
    **settings: Any,  # noqa: ANN401 - any of the settings
) -> AsyncIterator[tuple[HttpServer, int, asyncio.Task[None]]]:
    """A running server of any application, its port, and the task that serves."""
    config = build_uvicorn_config(application, "127.0.0.1", 0, WebSettings(**settings))
    config.date_header = False
    ready = asyncio.Event()
    server = HttpServer(config, ready.set)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        serving = asyncio.create_task(server.serve([listener]))
        await ready.wait()
        try:
            yield server, port, serving
        finally:
            if not serving.done():
                server.shut_down(ShutdownPolicy(timeout=0, linger=0))
                await serving
