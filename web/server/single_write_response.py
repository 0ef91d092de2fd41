"""Whole bodies, and complete responses in a single write: an ASGI extension of the hub's server.

ASGI (see "Extensions" in its specification) receives a body as a queue of messages, and sends a response in pieces.
uvicorn checks each header with regular expressions, and writes head and body separately. For a small request, that is a
quarter of the processor time. With this extension the application takes the whole body, and passes head and body of
the response together, the head as bytes that were checked when they were built.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, Final, Protocol, cast

from starlette.types import Scope, Send
from uvicorn._types import HTTPScope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from web.server.known_heads import KnownHead

EXTENSION: Final = "simpul.whole_exchange"
"""The name of the extension in a scope."""


class WholeExchange(Protocol):
    """The extension: a request's whole body, and its response in a single write."""

    knowledge: object
    """What the application knew of an equal head; None if nothing. If the application sets it, the server keeps the
    head, so it sets it only for a head without a token or personal data."""
    memory: object
    """What the application noted at the former request with the same head on this connection; None at first."""
    on_disconnect: Callable[[], None] | None
    """Called when the client disconnects before the response is complete."""

    def take_body(self) -> bytes | None:
        """The whole body; None if a part of it has not arrived yet."""

    def write_response(self, status: int, head: bytes, body: bytes, /) -> bool:
        """Write the response; False if it has to be sent in pieces.

        Each line of the head ends in CRLF. The head contains `content-length`, and no `connection`.
        """

    def send_in_pieces(self, send_response: Callable[[Send], Coroutine[Any, Any, None]], /) -> None:
        """Send the response with the `send` of ASGI, before the server stops."""


class TasklessAnswers(Protocol):
    """The part of an application that answers requests without a task if equal ones came before."""

    def answer(self, scope: Scope, body: bytes, exchange: WholeExchange, /) -> bool:
        """Answer the whole request now or later through the exchange; False if the server has to start a task."""


class NoTasklessAnswers:
    """Answers no request."""

    def answer(self, scope: Scope, body: bytes, exchange: WholeExchange, /) -> bool:  # noqa: ARG002 - as the protocol
        """Each request needs a task."""
        return False


class RequestCycle(RequestResponseCycle):
    """uvicorn's object for one request and its response, which is also a `WholeExchange`."""

    default_lines: ClassVar[tuple[list[tuple[bytes, bytes]], bytes]] = ([], b"")
    """The server's headers of this second, and their lines."""

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
        self.known_head: KnownHead | None = None
        self.is_taskless = False
        """Whether the application answered or answers it itself, so that nothing writes to it afterwards."""
        self.knowledge: object = None
        self.memory: object = None
        self.on_disconnect: Callable[[], None] | None = None
        self._tasks = protocol.tasks

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

    def send_in_pieces(self, send_response: Callable[[Send], Coroutine[Any, Any, None]], /) -> None:
        """See `WholeExchange`. A fault ends the connection, as with a request that runs as a task."""
        sending = self.run_asgi(lambda _scope, _receive, send: send_response(cast("Send", send)))
        task = asyncio.get_running_loop().create_task(sending)
        task.add_done_callback(self._tasks.discard)
        self._tasks.add(task)

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
        headers, lines = self.default_lines
        if headers is not self.default_headers:
            headers = self.default_headers
            lines = b"".join([b"%b: %b\r\n" % each for each in headers])
            RequestCycle.default_lines = headers, lines
        self.transport.write(b"".join((STATUS_LINE[status], lines, head, b"\r\n", body)))
        self.response_complete = True
        if self.arrival is not None:
            self.arrival.set()
        self.on_response()
        return True


def get_repeated_requests(app: object) -> TasklessAnswers:
    """The part of an application that answers requests without a task, its attribute `repeated_requests`."""
    repeated_requests: TasklessAnswers = getattr(app, "repeated_requests", NoTasklessAnswers())
    return repeated_requests


def take_whole_exchange(scope: Scope) -> WholeExchange | None:
    """The extension; None from other servers. Removes it from the scope, because both refer to each other."""
    extensions: dict[str, Any] | None = scope.get("extensions")
    return None if extensions is None else extensions.pop(EXTENSION, None)
