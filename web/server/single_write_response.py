"""Whole bodies, and complete responses in a single write: an ASGI extension of the hub's server.

ASGI (see "Extensions" in its specification) receives a body as a queue of messages, and sends a response in pieces.
uvicorn checks each header with regular expressions, and writes head and body separately. For a small request, that is a
quarter of the processor time. With this extension the application takes the whole body, and passes head and body of
the response together, the head as bytes that were checked when they were built.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol

from starlette.types import Scope
from uvicorn._types import HTTPScope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

EXTENSION: Final = "simpul.whole_exchange"
"""The name of the extension in a scope."""


class WholeExchange(Protocol):
    """The extension: a request's whole body, and its response in a single write."""

    def take_body(self) -> bytes | None:
        """The whole body; None if a part of it has not arrived yet."""

    def write_response(self, status: int, head: bytes, body: bytes, /) -> bool:
        """Write the response; False if it has to be sent in pieces.

        Each line of the head ends in CRLF. The head contains `content-length`, and no `connection`.
        """


class RequestCycle(RequestResponseCycle):
    """uvicorn's object for one request and its response, which is also a `WholeExchange`."""

    def __init__(self, protocol: HttpToolsProtocol, scope: HTTPScope, *, keep_alive: bool) -> None:
        """As uvicorn's own, without its arguments: it is called for each request."""
        self.scope = scope
        self.transport = protocol.transport
        self.flow = protocol.flow
        self.logger = protocol.logger
        self.access_logger = protocol.access_logger
        self.access_log = False  # in any logging configuration, because uvicorn's access log writes query strings
        self.default_headers = protocol.server_state.default_headers
        self.on_response = protocol.on_response_complete
        self.disconnected = False
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = protocol.expect_100_continue
        self.body = bytearray()
        self.more_body = True
        self.response_started = False
        self.response_complete = False
        self.chunked_encoding = None
        self.expected_content_length = 0
        self.arrival: asyncio.Event | None = None
        """The event of `message_event`, as soon as it is needed."""

    @property
    def message_event(self) -> asyncio.Event:  # type: ignore[override]  # uvicorn sets it only in its own `__init__`
        """Set when a part of the body arrived, or when the exchange ended.

        It is built when `receive` waits for it: a request whose body is taken whole saves four calls.
        """
        if self.arrival is None:
            self.arrival = asyncio.Event()
            if self.body or not self.more_body:
                self.arrival.set()
        return self.arrival

    def take_body(self) -> bytes | None:
        """As `receive`, for the usual case: the body arrived with its header."""
        if self.more_body or self.disconnected:
            return None
        body, self.body = bytes(self.body), bytearray()
        return body

    def write_response(self, status: int, head: bytes, body: bytes, /) -> bool:
        """As `send`, for the usual case: a connection that stays open and a client that reads."""
        if self.disconnected:
            return True  # the response has no reader
        if self.response_started or not self.keep_alive or self.flow.write_paused or self.scope["method"] == "HEAD":
            return False
        self.response_started = True
        self.waiting_for_100_continue = False
        lines = [STATUS_LINE[status]]
        for name, value in self.default_headers:
            lines += (name, b": ", value, b"\r\n")
        lines += (head, b"\r\n", body)
        self.transport.write(b"".join(lines))
        self.response_complete = True
        if self.arrival is not None:
            self.arrival.set()
        self.on_response()
        return True


def take_whole_exchange(scope: Scope) -> WholeExchange | None:
    """The extension; None from other servers. Removes it from the scope, because both refer to each other."""
    extensions: dict[str, Any] | None = scope.get("extensions")
    return None if extensions is None else extensions.pop(EXTENSION, None)
