"""A small HTTP/1.1 server that answers from memory: quick enough to stay behind every gateway."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import NamedTuple, cast

import uvloop

from benchmarks.layout import HOST

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_BACKLOG = 4096
CALLS = "/calls"
"""The path of the number of answered requests, in the format of nginx's `stub_status`."""


class Request(NamedTuple):
    """A request; headers are not kept."""

    path: str
    """Without the query."""
    body: bytes


Handler = Callable[[Request, asyncio.WriteTransport], None]
"""Answers a request with complete bytes, or disturbs the connection."""


class _MemoryConnection(asyncio.Protocol):
    """One persistent connection."""

    def __init__(self, server: MemoryServer) -> None:
        self._server = server
        self._received = b""
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        data = self._received + data if self._received else data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(data, 0, end + 2)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(data) < whole:
                break
            target = data[: data.index(b"\r\n")].split(b" ")[1]
            request = Request(target.partition(b"?")[0].decode(), data[end + 4 : whole])
            data = data[whole:]
            self._server.answer(request, self._transport)
        self._received = data


class MemoryServer:
    """Counts the requests of all connections, and passes them to a handler."""

    def __init__(self, handler: Handler) -> None:
        """The handler answers everything but `/calls`."""
        self._handler = handler
        self._count = 0

    def answer(self, request: Request, transport: asyncio.WriteTransport) -> None:
        """Answer one request."""
        self._count += 1
        if request.path == CALLS:
            counts = f"{self._count} {self._count} {self._count}"
            text = f"Active connections: 1\nserver accepts handled requests\n {counts} \n"
            transport.write(render_response(text.encode()))
        else:
            self._handler(request, transport)

    async def serve(self, port: int) -> None:
        """Serve until cancelled."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _MemoryConnection(self), HOST, port, backlog=_BACKLOG)
        await server.serve_forever()


def render_response(body: bytes, status: str = "200 OK") -> bytes:
    """The bytes of a response with a JSON body."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def run_server(handler: Handler, port: int) -> None:
    """Serve until the process ends."""
    uvloop.run(MemoryServer(handler).serve(port))
