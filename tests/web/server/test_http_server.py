"""Start and shutdown of the server over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette

from tests.web.server.fakes.bare_server import GET, serve_bare_application
from web.server.http_server import ApplicationStartError, HttpServer, ShutdownPolicy
from web.server.uvicorn_config import build_uvicorn_config
from web.settings import WebSettings

KEPT = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
LAST = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"
LONG = ShutdownPolicy(timeout=20, linger=20)
RETIRING = ShutdownPolicy(timeout=20, linger=20, is_final=False)


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    return head + await reader.readexactly(2)


async def test_running_requests_are_answered_with_connection_close() -> None:
    async with serve_bare_application() as hub:
        reader, _ = await hub.send_request(b"/slowly")
        await hub.application.request_arrived.wait()
        hub.server.shut_down(LONG)
        await hub.wait_until_draining()
        hub.application.may_answer.set()
        assert await asyncio.wait_for(reader.read(), 5) == LAST
        await asyncio.wait_for(hub.serving, 5)
        assert hub.application.events == ["answered", "closed"]


async def test_new_requests_on_open_connections_are_answered_with_connection_close() -> None:
    async with serve_bare_application() as hub:
        reader, writer = await hub.send_request()
        assert await read_answer(reader) == KEPT
        hub.server.shut_down(LONG)
        await hub.wait_until_draining()
        writer.write(GET)
        assert await asyncio.wait_for(reader.read(), 5) == LAST
        await asyncio.wait_for(hub.serving, 5)


async def test_an_idle_connection_is_closed_after_the_linger_time() -> None:
    async with serve_bare_application() as hub:
        reader, _ = await hub.send_request()
        assert await read_answer(reader) == KEPT
        loop = asyncio.get_running_loop()
        began = loop.time()
        hub.server.shut_down(ShutdownPolicy(timeout=20, linger=0.4))
        assert await asyncio.wait_for(reader.read(), 5) == b""
        assert loop.time() - began >= 0.4
        await asyncio.wait_for(hub.serving, 5)


async def test_a_second_end_cuts_running_requests_and_still_closes_the_application() -> None:
    async with serve_bare_application() as hub:
        reader, _ = await hub.send_request(b"/slowly")
        await hub.application.request_arrived.wait()
        hub.server.shut_down(LONG)
        await hub.wait_until_draining()
        hub.server.shut_down(LONG)
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        await asyncio.wait_for(hub.serving, 5)
        assert hub.application.events == ["client gone", "closed"]


async def test_an_end_after_a_retirement_still_finishes_running_requests() -> None:
    async with serve_bare_application() as hub:
        reader, _ = await hub.send_request(b"/slowly")
        await hub.application.request_arrived.wait()
        hub.server.shut_down(RETIRING)
        await hub.wait_until_draining()
        hub.server.shut_down(LONG)
        hub.server.shut_down(RETIRING)
        hub.application.may_answer.set()
        assert await asyncio.wait_for(reader.read(), 5) == LAST
        await asyncio.wait_for(hub.serving, 5)


async def test_requests_longer_than_the_timeout_are_cut() -> None:
    async with serve_bare_application() as hub:
        reader, _ = await hub.send_request(b"/slowly")
        await hub.application.request_arrived.wait()
        hub.server.shut_down(ShutdownPolicy(timeout=0.3, linger=0.1))
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        await asyncio.wait_for(hub.serving, 5)
        assert hub.application.events == ["client gone", "closed"]


async def test_a_failed_start_is_reported_in_one_line() -> None:
    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        raise ValueError("the city is not there")
        yield

    application = Starlette(lifespan=lifespan)
    server = HttpServer(build_uvicorn_config(application, "127.0.0.1", 0, WebSettings()), lambda: None)
    with pytest.raises(ApplicationStartError) as refused:
        await server.serve([])
    assert str(refused.value) == "ValueError: the city is not there"
