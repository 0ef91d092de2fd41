"""Whole bodies, and complete responses in a single write: ASGI extensions of the hub's server.

ASGI (see "Extensions" in its specification) receives a body as a queue of messages, and sends a response in pieces.
uvicorn checks each header with regular expressions, and writes head and body separately. For a small request, that is a
quarter of the processor time. With these extensions the application takes the whole body, and passes head and body of
the response together, the head as bytes that were checked when they were built.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

_EXTENSION = "simpul.whole_answer"
_BODY_EXTENSION = "simpul.whole_body"

TakeBody = Callable[[], bytes | None]
"""Takes the whole body; None if a part of it has not arrived yet."""
WriteResponse = Callable[[int, bytes, bytes], bool]
"""Takes (status, head, body); returns False if the response has to be sent in pieces. Each line of the head ends in
CRLF. The head contains `content-length`, and no `connection`."""


def offer_single_write(cycle: RequestResponseCycle) -> None:
    """Offer the whole body and the single write to the application for this request."""
    extensions: dict[str, object] = cycle.scope.setdefault("extensions", {})  # type: ignore[assignment]  # extensions hold values of any type
    extensions[_EXTENSION] = partial(_write_response, cycle)
    extensions[_BODY_EXTENSION] = partial(_take_body, cycle)


def take_single_write(scope: Scope) -> WriteResponse | None:
    """The single write; None from other servers. Removes it from the scope, because both refer to each other."""
    write_response: WriteResponse | None = (scope.get("extensions") or {}).pop(_EXTENSION, None)
    return write_response


def take_whole_body(scope: Scope) -> TakeBody | None:
    """The function that takes the whole body; None from other servers. Removes it from the scope, too."""
    take_body: TakeBody | None = (scope.get("extensions") or {}).pop(_BODY_EXTENSION, None)
    return take_body


def _take_body(cycle: RequestResponseCycle) -> bytes | None:
    """As `RequestResponseCycle.receive`, for the usual case: the body arrived with its header."""
    if cycle.more_body or cycle.disconnected:
        return None
    body, cycle.body = bytes(cycle.body), bytearray()
    return body


def _write_response(cycle: RequestResponseCycle, status: int, head: bytes, body: bytes) -> bool:
    """As `RequestResponseCycle.send`, for the usual case: a connection that stays open and a client that reads."""
    if cycle.disconnected:
        return True  # the response has no reader
    if cycle.response_started or not cycle.keep_alive or cycle.flow.write_paused or cycle.scope["method"] == "HEAD":
        return False
    cycle.response_started = True
    cycle.waiting_for_100_continue = False
    lines = [STATUS_LINE[status]]
    for name, value in cycle.default_headers:
        lines += (name, b": ", value, b"\r\n")
    lines += (head, b"\r\n", body)
    cycle.transport.write(b"".join(lines))
    cycle.response_complete = True
    cycle.message_event.set()
    cycle.on_response()
    return True
