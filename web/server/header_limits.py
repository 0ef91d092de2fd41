"""The HTTP connection: limits on the time and size of headers and on unread responses, which uvicorn does not have.

A connection is in one of three states, each with its own timeout: idle (uvicorn's keep-alive timeout), in a header
(`header_timeout`), or in a body or response (`web/middleware/request_body.py`, the deadline of the request, and
`write_timeout`).
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
"""Maximum bytes of one read, of which a part may belong to the next request."""


class _HeaderRefusal(NamedTuple):
    """Why a header is refused: status line and text."""

    status: bytes
    text: str


class LimitedHttpProtocol(GracefulHttpProtocol):
    """uvicorn's HTTP/1.1 protocol with limits. `build_limited_protocol` builds the class with its settings."""

    header_timeout: ClassVar[float]
    write_timeout: ClassVar[float]
    max_header_bytes: ClassVar[int]
    max_connections: ClassVar[int]

    _in_header = False
    """Whether a header has begun and is not complete."""
    _header_bytes = 0
    _bytes_without_body = 0
    """Bytes since the last piece of a body, or since the start of the request: chunk extensions and trailers."""
    _last_read_bytes = 0
    """Bytes of the last read; a header that began in it may be any part of them."""
    _header_due: float | None = None
    """When the pending header must be complete, on the clock of the loop; None without a pending header."""
    _header_timer: asyncio.TimerHandle | None = None
    """Checks `_header_due`. One timer serves many requests of a connection, because timers cost time."""
    _write_timer: asyncio.TimerHandle | None = None
    _is_header_too_large = False
    """Whether the current header is over the limit."""
    _header_refusal: _HeaderRefusal | None = None
    """Why the current header is refused."""
    _is_last_response = False
    """Whether the next response is the last one on this connection."""
    _is_surplus = False
    """Whether the limit of connections was reached when this one opened, and still is."""
    _is_beyond_reserve = False
    """Whether the request is refused because the reserve of connections is used up too."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Start the header timeout, so that a silent connection is closed too."""
        super().connection_made(transport)
        # Off in any logging configuration, because uvicorn's access log writes query strings.
        self.access_log = False
        self._is_surplus = len(self.connections) > self.max_connections
        self._start_header_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        self._end_header()
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None
        self._stop_write_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass bytes to the parser, and count those outside of bodies; refuse the request if they are too many."""
        # 1. After the last request, discard: see `GracefulHttpProtocol.stop_reading`.
        if not self.is_reading:
            self.drop(data)
            return
        # 2. The first bytes on an idle connection start the header timeout, even if they are not a request yet: uvicorn
        #    stops its keep-alive timeout at this point.
        self._last_read_bytes = len(data)
        if self._header_due is None and self.is_idle():
            self._start_header_timer()
        if self._header_due is not None:
            self._header_bytes += self._last_read_bytes
        self._bytes_without_body += self._last_read_bytes
        # 3. Parse. The parser calls `on_message_begin`, `on_headers_complete` and `on_body`, which reset the counters.
        super().data_received(data)
        # 4. Check the counters: outside of a header, for chunk extensions and trailers; else for the header itself.
        if self._header_due is None:
            if self._bytes_without_body > self.max_header_bytes + _MAX_READ_BYTES:
                self.send_400_response("")
        elif self._header_bytes > self.max_header_bytes:
            self._is_header_too_large = True
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """The first byte of a request, possibly in the same read as the end of the previous one."""
        super().on_message_begin()
        self._in_header = True
        self._bytes_without_body = 0
        if self._header_due is None:
            self._start_header_timer()

    def on_body(self, body: bytes) -> None:
        """A piece of the body: reset the counter of bytes outside of it."""
        self._bytes_without_body = 0
        super().on_body(body)

    def on_headers_complete(self) -> None:
        """The end of a header: check it before uvicorn starts the application.

        A `ValueError` stops the parser, and uvicorn then calls `send_400_response`, which sends the refusal.
        """
        # 1. Size. The exact size is only measured if the rough count is over the limit.
        self._end_header()
        if (
            self._header_bytes + self._last_read_bytes > self.max_header_bytes
            and self._measure_header() > self.max_header_bytes
        ):
            self._is_header_too_large = True
            raise ValueError("header too large")
        # 2. Ambiguity: a header that the parser accepts, but that other programs could read as another request.
        upgrade = self.parser.should_upgrade()
        self._header_refusal = _find_header_refusal(self.url, self.headers, upgrade=upgrade)
        if self._header_refusal is not None:
            raise ValueError("refused")
        # 3. The limit of connections, checked again now: older connections may have closed since this one opened.
        if self._is_surplus:
            self._is_surplus = len(self.connections) > self.max_connections
            self._is_beyond_reserve = len(self.connections) > self.max_connections + get_reserve(self.max_connections)
            if self._is_beyond_reserve:
                raise ValueError("too many connections")
        # 4. Start the application, and prepare the response: whether it is the last one, and a single write for it.
        super().on_headers_complete()
        if self._is_last_response or upgrade:  # after an upgrade request, the parser reads nothing more
            self.cycle.keep_alive = False
        if self._is_surplus:
            mark_surplus(self.cycle)
        offer_single_write(self.cycle)
        # 5. The request keeps its list of headers; trailers of a chunked body (RFC 9110, section 6.5.1) go into a new
        #    one. uvicorn would append them to the request's headers, after all checks.
        self.headers = []

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser or this class rejected, and close the connection."""
        self._end_header()
        if self._is_body_broken():
            # The application waits for this body: tell it that the client has gone, and send the refusal instead.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self._refuse_with_text(
                b"400 Bad Request", "The request's body has invalid HTTP/1.1 framing (RFC 9112, section 7)."
            )
        elif not self.is_idle():
            # Earlier requests are complete: their responses go out first, and the last one closes the connection.
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
        """The client does not read: start the write timeout."""
        super().pause_writing()
        self._stop_write_timer()
        self._write_timer = self.loop.call_later(self.write_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads again: stop the write timeout."""
        self._stop_write_timer()
        super().resume_writing()

    def announce_close(self) -> None:
        """Make the next response the last one on this connection, including a running one that is not sent yet."""
        self._is_last_response = True
        if not self.is_idle() and not self.cycle.response_started:
            self.cycle.keep_alive = False

    def close_idle(self) -> None:
        """Close the connection, unless a request is read or answered."""
        if self.is_idle() and not self._in_header:
            self.transport.close()

    def _is_body_broken(self) -> bool:
        """Whether the error is in the body of the only request, before its response has begun."""
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
        """Time out the pending header, or restart the timer if a later header is pending."""
        self._header_timer = None
        if self._header_due is None:
            return
        if self.loop.time() < self._header_due:
            self._header_timer = self.loop.call_at(self._header_due, self._check_header_timer)
        else:
            self._time_out_header()

    def _time_out_header(self) -> None:
        """Close after earlier requests are answered; send a 408 only if a header has begun."""
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
        """Send a response without the application, and close the connection."""
        self.transport.write(
            b"HTTP/1.1 %b\r\n%bcontent-length: %d\r\nconnection: close\r\n\r\n%b" % (status, lines, len(body), body)
        )
        self.transport.close()


def _find_header_refusal(
    target: bytes, headers: Iterable[tuple[bytes, bytes]], *, upgrade: bool
) -> _HeaderRefusal | None:
    """Why a header is refused although the parser accepts it; None if it is not refused."""
    # Several headers of one name form one list (RFC 9110, section 5.3), but the parser reads only the last one.
    codings = [each.strip() for name, value in headers if name == b"transfer-encoding" for each in value.split(b",")]
    if len(codings) > 1 and codings[-1].lower() == b"chunked":  # RFC 9112, section 6.1
        text = "This hub supports only the transfer coding 'chunked'. Send the body without another."
        return _HeaderRefusal(b"501 Not Implemented", text)
    text = _find_ambiguity(target, headers, upgrade=upgrade)
    return _HeaderRefusal(b"400 Bad Request", text) if text else None


def _find_ambiguity(target: bytes, headers: Iterable[tuple[bytes, bytes]], *, upgrade: bool) -> str:
    """Why another program, such as a proxy, could read a different request in this header; empty if it could not."""
    if upgrade and any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in headers
    ):
        # The parser reads the body as bytes of the other protocol, and uvicorn would read it later as a request.
        return "This hub speaks HTTP/1.1 and nothing else: send a request with a body without 'Upgrade'."
    if not target.startswith((b"/", b"*")):  # RFC 9112, section 3.2.2: the host in the target overrides `Host`
        authority = target.partition(b"://")[2].partition(b"/")[0].partition(b"?")[0]
        if any(name == b"host" and value.lower() != authority.lower() for name, value in headers):
            return "The request's target and its Host header name two hosts (RFC 9112, section 3.2.2)."
    return ""


def build_limited_protocol(
    *, header_timeout: float, write_timeout: float, max_header_bytes: int, max_connections: int
) -> type[LimitedHttpProtocol]:
    """Build the protocol class with these limits; uvicorn creates one object of it for each connection.

    Args:
        header_timeout: Seconds until a header must be complete.
        write_timeout: Seconds that a client may leave a response unread.
        max_header_bytes: Maximum size of request line and headers together.
        max_connections: Limit of open connections; see `web/admission/surplus_connections.py`.

    """
    limits = {
        "header_timeout": header_timeout,
        "write_timeout": write_timeout,
        "max_header_bytes": max_header_bytes,
        "max_connections": max_connections,
    }
    return type("ConfiguredHttpProtocol", (LimitedHttpProtocol,), limits)
