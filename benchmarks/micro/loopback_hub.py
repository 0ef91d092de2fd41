"""A hub served by uvicorn in this process, and a small client."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import orjson
import uvicorn
from starlette.types import ASGIApp

from benchmarks.layout import HOST
from web.server.uvicorn_config import build_uvicorn_config
from web.settings import WebSettings

_BACKLOG = 512


@asynccontextmanager
async def serve_hub(app: ASGIApp, settings: WebSettings) -> AsyncIterator[int]:
    """Serve an application as `simpul serve` does; yields the port."""
    with socket.create_server((HOST, 0), backlog=_BACKLOG) as listener:
        port: int = listener.getsockname()[1]
        server = uvicorn.Server(build_uvicorn_config(app, HOST, port, settings))
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        try:
            while not server.started:
                if serving.done():
                    raise RuntimeError("The hub ended while it started; its log says why.")
                await asyncio.sleep(0.01)
            yield port
        finally:
            server.should_exit = True
            await serving


class HubConnection(asyncio.Protocol):
    """One connection to a hub, one request at a time."""

    def __init__(self) -> None:
        """Connect it with `connect_to_hub`."""
        self._transport: asyncio.Transport
        self._received = bytearray()
        self._expected = 0
        self._answer: asyncio.Future[bytes]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """End the request when the whole answer is there."""
        self._received += data
        if not self._expected:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            length = self._received.lower().index(b"content-length:") + len(b"content-length:")
            self._expected = end + 4 + int(self._received[length : self._received.index(b"\r", length)])
        if len(self._received) >= self._expected:
            answer, self._received, self._expected = bytes(self._received), bytearray(), 0
            self._answer.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the request with an error."""
        if hasattr(self, "_answer") and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("The hub closed the connection."))

    async def ask(self, request: bytes) -> bytes:
        """Send the bytes of a request; returns the bytes of the answer."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()


@asynccontextmanager
async def connect_to_hub(port: int, count: int = 1) -> AsyncIterator[list[HubConnection]]:
    """Open this number of connections."""
    loop = asyncio.get_running_loop()
    connections = [(await loop.create_connection(HubConnection, HOST, port))[1] for _ in range(count)]
    try:
        yield connections
    finally:
        for each in connections:
            each.close()


def render_request(port: int, document: str, variables: dict[str, str] | None = None, token: str = "") -> bytes:
    """The bytes of a GraphQL request."""
    body = orjson.dumps({"query": document} | ({"variables": variables} if variables else {}))
    lines = [
        "POST /graphql HTTP/1.1",
        f"Host: {HOST}:{port}",
        "Content-Type: application/json",
        "Accept: application/json",
        f"Content-Length: {len(body)}",
        *([f"Authorization: Bearer {token}"] if token else []),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
