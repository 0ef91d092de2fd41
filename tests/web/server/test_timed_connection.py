"""The keep-alive timeout and the header timeout, which share one timer."""

from __future__ import annotations

import asyncio
from time import monotonic

from tests.web.server.fakes.bare_server import GET, BareServer, serve_bare_application

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect_and_ask(hub: BareServer) -> Connection:
    """A connection after its first response."""
    reader, writer = await hub.send_request()
    assert await reader.readexactly(len(OK)) == OK
    return reader, writer


async def read_to_end(reader: asyncio.StreamReader) -> tuple[bytes, float]:
    """What the server sends until it closes the connection, and the seconds until then."""
    began = monotonic()
    return await asyncio.wait_for(reader.read(), 5), monotonic() - began


async def test_an_idle_connection_closes_at_the_keep_alive_timeout_although_headers_have_more_time() -> None:
    async with serve_bare_application(keep_alive_timeout=0.2, header_timeout=10.0) as hub:
        reader, _ = await connect_and_ask(hub)
        text, seconds = await read_to_end(reader)
        assert text == b""
        assert seconds > 0.1


async def test_a_header_has_its_own_timeout_although_idle_connections_stay_open_for_longer() -> None:
    async with serve_bare_application(keep_alive_timeout=10.0, header_timeout=0.2) as hub:
        reader, writer = await connect_and_ask(hub)
        await asyncio.sleep(0.5)  # the timer of the first header has fired, and was set for the end of the idle time
        writer.write(GET)
        assert await reader.readexactly(len(OK)) == OK
        writer.write(b"GET / HTTP/1.1\r\n")
        text, seconds = await read_to_end(reader)
        assert text.startswith(b"HTTP/1.1 408 ")
        assert seconds > 0.1


async def test_bytes_on_an_idle_connection_end_its_keep_alive_timeout() -> None:
    async with serve_bare_application(keep_alive_timeout=0.2, header_timeout=0.6) as hub:
        reader, writer = await connect_and_ask(hub)
        writer.write(b"GET / HTTP/1.1\r\n")
        text, seconds = await read_to_end(reader)
        assert text.startswith(b"HTTP/1.1 408 ")
        assert seconds > 0.4


async def test_a_pending_header_behind_a_response_does_not_outlive_the_keep_alive_timeout() -> None:
    async with serve_bare_application(keep_alive_timeout=0.2, header_timeout=10.0) as hub:
        reader, writer = await hub.connect()
        writer.write(GET + b"GET / HTTP/1.1\r\n")
        text, _ = await read_to_end(reader)
        assert text == OK


async def test_one_timer_serves_many_requests() -> None:
    async with serve_bare_application(keep_alive_timeout=10.0, header_timeout=5.0) as hub:
        reader, writer = await connect_and_ask(hub)
        (protocol,) = hub.protocols
        timer = protocol._timer
        assert timer is not None
        for _ in range(5):
            writer.write(GET)
            assert await reader.readexactly(len(OK)) == OK
        assert protocol._timer is timer
