"""The server's beginning and end, over real sockets: who is answered, and who sees a connection close."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette

from tests.web.bare_server import GET, running
from web.http_server import Farewell, HttpServer, NotStarted
from web.serving import uvicorn_config
from web.settings import WebSettings

KEPT = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
LAST = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"
LONG = Farewell(patience=20, linger=20)
IN_TURN = Farewell(patience=20, linger=20, last=False)


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
