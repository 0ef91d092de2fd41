"""The server's beginning and end, over real sockets: who is answered, and who sees a connection close."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from web.http_server import Farewell, HttpServer, NotStarted
from web.serving import uvicorn_config
from web.settings import WebSettings

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
KEPT = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
LAST = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"
LONG = Farewell(patience=20, linger=20)
IN_TURN = Farewell(patience=20, linger=20, last=False)


class Application:
    """Answers `ok`, to `/slowly` when it is let; notes how it ends."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()
        self.seen: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            self.seen.append("closed")
            await send({"type": "lifespan.shutdown.complete"})
            return
        await receive()
        if scope["path"] == "/slowly":
            self.asked.set()
            going_on, going = asyncio.create_task(self.go_on.wait()), asyncio.ensure_future(receive())
            await asyncio.wait({going_on, going}, return_when=asyncio.FIRST_COMPLETED)
            going_on.cancel()
            if going.done():
                self.seen.append("client gone")
                return
            going.cancel()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})
        self.seen.append("answered")


class Running:
    """A server that serves, and connections to it."""

    def __init__(self, server: HttpServer, application: Application, port: int, serving: asyncio.Task[None]) -> None:
        self.server = server
        self.application = application
        self.port = port
        self.serving = serving
        self.opened: list[asyncio.StreamWriter] = []

    async def connect(self, **how: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:  # noqa: ANN401 - asyncio's
        reader, writer = await asyncio.open_connection(**how or {"host": "127.0.0.1", "port": self.port})
        self.opened.append(writer)
        return reader, writer

    async def ask(self, path: bytes = b"/") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await self.connect()
        writer.write(GET.replace(b"/ ", path + b" ", 1))
        return reader, writer

    async def until_draining(self) -> None:
        """Until nobody accepts any more."""
        while True:
            try:
                _, writer = await self.connect()
            except OSError:
                return
            writer.close()
            await asyncio.sleep(0.01)  # until it has seen that it is to end


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[Running]:
    application = Application()
    config = uvicorn_config(application, "127.0.0.1", 0, WebSettings())
    config.date_header = False
    ready = asyncio.Event()
    server = HttpServer(config, ready.set)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        serving = asyncio.create_task(server.serve([listener]))
        await ready.wait()
        hub = Running(server, application, port, serving)
        try:
            yield hub
        finally:
            for each in hub.opened:
                each.close()
            if not serving.done():
                server.end(Farewell(patience=0, linger=0))
                await serving


async def answer(reader: asyncio.StreamReader) -> bytes:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    return head + await reader.readexactly(2)


async def test_what_runs_at_the_end_is_answered_and_told_that_it_is_the_last() -> None:
    async with running() as hub:
        reader, _ = await hub.ask(b"/slowly")
        await hub.application.asked.wait()
        hub.server.end(LONG)
        await hub.until_draining()
        hub.application.go_on.set()
        assert await asyncio.wait_for(reader.read(), 5) == LAST
        await asyncio.wait_for(hub.serving, 5)
        assert hub.application.seen == ["answered", "closed"]


async def test_who_asks_on_over_an_open_connection_is_answered_and_told_that_it_is_the_last() -> None:
    async with running() as hub:
        reader, writer = await hub.ask()
        assert await answer(reader) == KEPT
        hub.server.end(LONG)
        await hub.until_draining()
        writer.write(GET)
        assert await asyncio.wait_for(reader.read(), 5) == LAST
        await asyncio.wait_for(hub.serving, 5)


async def test_an_idle_connection_is_closed_after_a_while_and_not_before() -> None:
    async with running() as hub:
        reader, _ = await hub.ask()
        assert await answer(reader) == KEPT
        loop = asyncio.get_running_loop()
        began = loop.time()
        hub.server.end(Farewell(patience=20, linger=0.4))
        assert await asyncio.wait_for(reader.read(), 5) == b""
        assert loop.time() - began >= 0.4
        await asyncio.wait_for(hub.serving, 5)


async def test_told_twice_to_end_it_cuts_what_runs_and_still_closes_the_application() -> None:
    async with running() as hub:
        reader, _ = await hub.ask(b"/slowly")
        await hub.application.asked.wait()
        hub.server.end(LONG)
        await hub.until_draining()
        hub.server.end(LONG)
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        await asyncio.wait_for(hub.serving, 5)
        assert hub.application.seen == ["client gone", "closed"]


async def test_told_to_retire_and_then_to_end_it_still_finishes_what_runs() -> None:
    async with running() as hub:
        reader, _ = await hub.ask(b"/slowly")
        await hub.application.asked.wait()
        hub.server.end(IN_TURN)
        await hub.until_draining()
        hub.server.end(LONG)
        hub.server.end(IN_TURN)
        hub.application.go_on.set()
        assert await asyncio.wait_for(reader.read(), 5) == LAST
        await asyncio.wait_for(hub.serving, 5)


async def test_what_takes_longer_than_there_is_patience_is_cut() -> None:
    async with running() as hub:
        reader, _ = await hub.ask(b"/slowly")
        await hub.application.asked.wait()
        hub.server.end(Farewell(patience=0.3, linger=0.1))
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        await asyncio.wait_for(hub.serving, 5)
        assert hub.application.seen == ["client gone", "closed"]


async def test_a_start_that_fails_is_told_in_one_line() -> None:
    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        raise ValueError("the city is not there")
        yield

    application = Starlette(lifespan=lifespan)
    server = HttpServer(uvicorn_config(application, "127.0.0.1", 0, WebSettings()), lambda: None)
    with pytest.raises(NotStarted) as refused:
        await server.serve([])
    assert str(refused.value) == "ValueError: the city is not there"
