"""The hub's protocol on a connection in memory: each read is exactly what a test passes."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from starlette.types import ASGIApp
from uvicorn.server import ServerState

from web.server.header_limits import LimitedHttpProtocol
from web.server.uvicorn_config import build_uvicorn_config
from web.settings import WebSettings


class WrittenTransport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.is_closed = False
        self.is_paused = False
        self.is_ended = False
        """Whether the server closed its side."""

    def write(self, data: Any) -> None:  # noqa: ANN401 - bytes of any kind
        self.written += data

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.is_ended = True

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


def connect(app: ASGIApp, **settings: Any) -> tuple[LimitedHttpProtocol, WrittenTransport]:  # noqa: ANN401 - any of the settings
    """A protocol with a connection that is no socket."""
    return InMemoryServer(app, **settings).connect()


class InMemoryServer:
    """One server: its connections share what it knows."""

    def __init__(self, app: ASGIApp, **settings: Any) -> None:  # noqa: ANN401 - any of the settings
        self._config = build_uvicorn_config(app, "127.0.0.1", 0, WebSettings(**settings))
        self._config.load()
        self.state = ServerState()

    def connect(self) -> tuple[LimitedHttpProtocol, WrittenTransport]:
        """A new connection."""
        build = cast("type[LimitedHttpProtocol]", self._config.http_protocol_class)
        protocol, transport = build(self._config, self.state, {}), WrittenTransport()
        protocol.connection_made(transport)
        return protocol, transport
