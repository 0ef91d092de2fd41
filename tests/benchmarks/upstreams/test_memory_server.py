"""The upstream that answers from memory."""

from __future__ import annotations

import asyncio

from benchmarks.upstreams.memory_server import Request, render_response
from tests.benchmarks.upstreams.running import run_memory_server, send_bytes

GET = b"GET /posts?id=1 HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /blog HTTP/1.1\r\nHost: a\r\ncontent-length: 4\r\n\r\nbody"


async def test_requests_are_separated_however_they_arrive() -> None:
    seen: list[Request] = []

    def handle(request: Request, transport: asyncio.WriteTransport) -> None:
        seen.append(request)
        transport.write(render_response(b"{}"))

    async with run_memory_server(handle) as port:
        await send_bytes(port, GET + POST, replies=2)
        await send_bytes(port, POST[:30], POST[30:-2], POST[-2:])
    assert seen == [Request("/posts", b""), Request("/blog", b"body"), Request("/blog", b"body")]


async def test_the_number_of_requests_is_written_as_nginx_writes_it() -> None:
    def handle(_request: Request, transport: asyncio.WriteTransport) -> None:
        transport.write(render_response(b"{}"))

    async with run_memory_server(handle) as port:
        await send_bytes(port, GET)
        reply = await send_bytes(port, b"GET /calls HTTP/1.1\r\nHost: a\r\n\r\n")
    assert reply.endswith(b"\n 2 2 2 \n")
