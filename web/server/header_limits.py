"""How long and how large the header of a request may be: what uvicorn does not limit by itself.

A connection is in one of three states, and each has a clock: idle (uvicorn's keep-alive timeout), in a header (the
header timeout here), in a body or an answer (`web/middleware/request_body.py`, the request's deadline, the write
timeout here).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from web.admission.surplus_connections import (
    RefusedConnectionCounter,
    build_too_many_response,
    get_reserve,
    mark_surplus,
)
from web.server.graceful_connection import GracefulHttpProtocol
from web.server.single_write_response import offer_single_write

_MAX_READ_BYTES = 256 * 1024
"""Bytes that may come at once, before anything can be said about them."""


class _HeaderRefusal(NamedTuple):
    """Why a header is refused, if the reason is clearer than the parser's."""

    status: bytes
    text: str


class LimitedHttpProtocol(GracefulHttpProtocol):
    """uvicorn's HTTP/1.1 protocol with limits on headers and on unread answers. Made by `build_limited_protocol`."""

    header_timeout: ClassVar[float]
    write_timeout: ClassVar[float]
    max_header_bytes: ClassVar[int]
    max_connections: ClassVar[int]

    _in_header = False
    """Whether bytes of a header have come and its end has not."""
    _header_bytes = 0
    _bytes_without_body = 0
    """Since the last piece of a body, or the last beginning of a request: extensions of chunks, and trailers."""
    _last_read_bytes = 0
    """Bytes of the last read, of which a header that began within it may be any part."""
    _header_due: float | None = None
    """When the header that is awaited must be complete, on the loop's clock; none while none is awaited."""
    _header_timer: asyncio.TimerHandle | None = None
    """Looks at `_header_due` now and then: one timer serves many requests of a connection."""
    _write_timer: asyncio.TimerHandle | None = None
    _is_header_too_large = False
    _header_refusal: _HeaderRefusal | None = None
    """The header that is being read is."""
    _is_last_response = False
    """Whether the next answer is the last one over this connection."""
    _is_surplus = False
    """Whether all places were taken when this connection came, and still are."""
    _is_beyond_reserve = False
    """Whether the request is refused because those that are kept beyond them are taken, too."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Start the clock: a connection that says nothing is closed too."""
        super().connection_made(transport)
        # Whatever the logging configuration says: uvicorn's access log writes query strings.
        self.access_log = False
        self._is_surplus = len(self.connections) > self.max_connections
        self._start_header_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop every clock."""
        self._end_header()
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None
        self._stop_write_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count bytes while a header is awaited; refuse it when they are too many."""
        if not self.is_reading:
            self.drop(data)
            return
        self._last_read_bytes = len(data)
        if self._header_due is None and self.is_idle():
            # Also where the bytes are no request yet: uvicorn has just stopped its keep-alive clock.
            self._start_header_timer()
        if self._header_due is not None:
            self._header_bytes += self._last_read_bytes
        self._bytes_without_body += self._last_read_bytes
        super().data_received(data)
        if self._header_due is None:
            if self._bytes_without_body > self.max_header_bytes + _MAX_READ_BYTES:
                self.send_400_response("")
        elif self._header_bytes > self.max_header_bytes:
            self._is_header_too_large = True
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """The first byte of a request, which may follow the last one's body at once."""
        super().on_message_begin()
        self._in_header = True
        self._bytes_without_body = 0
        if self._header_due is None:
            self._start_header_timer()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._bytes_without_body = 0
        super().on_body(body)

    def on_headers_complete(self) -> None:
        """The end of a header: the next clocks are the body's and the request's own."""
        self._end_header()
        if (
            self._header_bytes + self._last_read_bytes > self.max_header_bytes
            and self._measure_header() > self.max_header_bytes
        ):
            self._is_header_too_large = True
            raise ValueError("header too large")  # makes the parser stop; answered by `send_400_response`
        upgrade = self.parser.should_upgrade()
        self._header_refusal = _find_header_refusal(self.url, self.headers, upgrade=upgrade)
        if self._header_refusal is not None:
            raise ValueError("refused")  # same
        if self._is_surplus:
            self._is_surplus = len(self.connections) > self.max_connections
            self._is_beyond_reserve = len(self.connections) > self.max_connections + get_reserve(self.max_connections)
            if self._is_beyond_reserve:
                raise ValueError("too many connections")  # same
        super().on_headers_complete()
        if self._is_last_response or upgrade:  # of what follows a wish for another protocol, the parser reads nothing
            self.cycle.keep_alive = False
        if self._is_surplus:
            mark_surplus(self.cycle)
        offer_single_write(self.cycle)
        # The request has its own list. What stands behind a chunked body (RFC 9110, section 6.5.1) goes into this one:
        # uvicorn would make headers of it, past every check that was made of the header.
        self.headers = []

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read; where earlier requests are still being answered, let that be the end."""
        self._end_header()
        if self._is_body_broken():
            # What asked for the body learns that no more will come; its own answer would come too late.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self._refuse_with_text(
                b"400 Bad Request", "The request's body is not framed as HTTP/1.1 asks (RFC 9112, section 7)."
            )
        elif not self.is_idle():
            self.stop_reading()
        elif self._is_beyond_reserve:
            if isinstance(self.app, RefusedConnectionCounter):
                self.app.count_refused_connection()
            self._refuse(b"503 Service Unavailable", *build_too_many_response(self.max_connections))
        elif self._is_header_too_large:
            text = f"The request's header is larger than {self.max_header_bytes} bytes. Send less, or use POST."
            self._refuse_with_text(b"431 Request Header Fields Too Large", text)
        else:
            self._refuse_with_text(*(self._header_refusal or _HeaderRefusal(b"400 Bad Request", msg)))

    def pause_writing(self) -> None:
        """The client does not read: start the clock."""
        super().pause_writing()
        self._stop_write_timer()
        self._write_timer = self.loop.call_later(self.write_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        self._stop_write_timer()
        super().resume_writing()

    def announce_close(self) -> None:
        """Let the next answer say that it is the last, also the one that is being made, where it has not begun."""
        self._is_last_response = True
        if not self.is_idle() and not self.cycle.response_started:
            self.cycle.keep_alive = False

    def close_idle(self) -> None:
        """Close, unless a request is being read or answered."""
        if self.is_idle() and not self._in_header:
            self.transport.close()

    def _is_body_broken(self) -> bool:
        """Whether the body of the one request that is being read cannot be read on, and nothing was answered yet."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and cycle.more_body and not cycle.response_started and not self.pipeline

    def _measure_header(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _start_header_timer(self) -> None:
        self._header_bytes = 0
        self._header_due = self.loop.time() + self.header_timeout
        if self._header_timer is None:
            self._header_timer = self.loop.call_at(self._header_due, self._check_header_timer)

    def _end_header(self) -> None:
        self._in_header = False
        self._header_due = None

    def _check_header_timer(self) -> None:
        """Set the timer anew where the header that it was set for has come; none is needed where none is awaited."""
        self._header_timer = None
        if self._header_due is None:
            return
        if self.loop.time() < self._header_due:
            self._header_timer = self.loop.call_at(self._header_due, self._check_header_timer)
        else:
            self._time_out_header()

    def _time_out_header(self) -> None:
        """Close, once what was asked for is answered; say why only to a client that had begun to speak."""
        self._header_due = None
        if self.transport.is_closing():
            return
        if not self.is_idle():
            self.stop_reading()
        elif self._in_header:
            self._refuse_with_text(
                b"408 Request Timeout", f"The request's header did not arrive within {self.header_timeout:g} s."
            )
        else:
            self.transport.close()

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _refuse_with_text(self, status: bytes, text: str) -> None:
        self._refuse(status, b"content-type: text/plain; charset=utf-8\r\n", text.encode())

    def _refuse(self, status: bytes, lines: bytes, body: bytes) -> None:
        """Answer before there is a request to hand inwards, and close."""
        self.transport.write(
            b"HTTP/1.1 %b\r\n%bcontent-length: %d\r\nconnection: close\r\n\r\n%b" % (status, lines, len(body), body)
        )
        self.transport.close()


def _find_header_refusal(
    target: bytes, headers: Iterable[tuple[bytes, bytes]], *, upgrade: bool
) -> _HeaderRefusal | None:
    """Why a header is refused that its parser takes: none where it is not."""
    # Several headers of one name are one list (RFC 9110, section 5.3), of which the parser reads the last one alone.
    codings = [each.strip() for name, value in headers if name == b"transfer-encoding" for each in value.split(b",")]
    if len(codings) > 1 and codings[-1].lower() == b"chunked":  # RFC 9112, section 6.1
        text = "This hub supports only the transfer coding 'chunked'. Send the body without another."
        return _HeaderRefusal(b"501 Not Implemented", text)
    text = _find_ambiguity(target, headers, upgrade=upgrade)
    return _HeaderRefusal(b"400 Bad Request", text) if text else None


def _find_ambiguity(target: bytes, headers: Iterable[tuple[bytes, bytes]], *, upgrade: bool) -> str:
    """Why a header could be taken for another request by somebody else; nothing where it could not."""
    if upgrade and any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in headers
    ):
        # The parser takes what follows for the other protocol, and uvicorn what comes of it later for a request.
        return "This hub speaks HTTP/1.1 and nothing else: send a request with a body without 'Upgrade'."
    if not target.startswith((b"/", b"*")):  # RFC 9112, section 3.2.2: its host counts, and `Host` does not
        authority = target.partition(b"://")[2].partition(b"/")[0].partition(b"?")[0]
        if any(name == b"host" and value.lower() != authority.lower() for name, value in headers):
            return "The request's target and its Host header name two hosts (RFC 9112, section 3.2.2)."
    return ""


def build_limited_protocol(
    *, header_timeout: float, write_timeout: float, max_header_bytes: int, max_connections: int
) -> type[LimitedHttpProtocol]:
    """The protocol class with these limits; uvicorn makes one object of it for each connection.

    Args:
        header_timeout: Seconds until a header must be complete.
        write_timeout: Seconds that a client may leave an answer unread.
        max_header_bytes: Request line and headers together.
        max_connections: How many there may be at a time; see `web/admission/surplus_connections.py`.

    """
    limits = {
        "header_timeout": header_timeout,
        "write_timeout": write_timeout,
        "max_header_bytes": max_header_bytes,
        "max_connections": max_connections,
    }
    return type("ConfiguredHttpProtocol", (LimitedHttpProtocol,), limits)
