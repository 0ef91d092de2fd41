"""Answers that are at hand whole, written in one go.

ASGI has an answer come in pieces. uvicorn looks each header over with regular expressions and writes head and body each
by itself, which for a small request is a quarter of its processor time. The hub's server offers more, as an extension
(ASGI specification, "Extensions"): head and body at once, the head as bytes that were checked when they were put
together.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

_EXTENSION = "simpul.whole_answer"

WriteResponse = Callable[[int, bytes, bytes], bool]
"""From (status, head, body) to whether they were taken; where not, the answer goes out in pieces. Each line of the head
ends in CRLF; it has `content-length`, and nothing that says how the connection goes on."""


def offer_single_write(cycle: RequestResponseCycle) -> None:
    """Let the application answer this request in one go."""
    extensions: dict[str, object] = cycle.scope.setdefault("extensions", {})  # type: ignore[assignment]  # the values of extensions are their own affair
    extensions[_EXTENSION] = partial(_write_response, cycle)


def take_single_write(scope: Scope) -> WriteResponse | None:
    """What the server offers; none for servers that do not. To be asked once: request and offer hold each other."""
    write_response: WriteResponse | None = (scope.get("extensions") or {}).pop(_EXTENSION, None)
    return write_response


def _write_response(cycle: RequestResponseCycle, status: int, head: bytes, body: bytes) -> bool:
    """As `RequestResponseCycle.send` does for the usual case: a connection that is kept, and a client that reads."""
    if cycle.disconnected:
        return True  # nobody is there to read it
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
