"""The HTTP connection: limits on the time and size of headers and on unread responses, which uvicorn does not have.

A connection is in one of three states, each with its own timeout: idle (the keep-alive timeout), in a header
(`header_timeout`), or in a body or response (`web/middleware/request_body.py`, the deadline of the request, and
`write_timeout`).

The callbacks of the parser replace uvicorn's, and do not call them: chains of calls, and checks that do not apply here,
were 19 of 174 Python calls of a small request. `tests/web/server/test_replaced_callbacks.py` fails if uvicorn's change.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar, Final
from urllib.parse import unquote

import httptools
from uvicorn._types import HTTPScope
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from web.admission.surplus_connections import (
    RefusedConnectionCounter,
    build_too_many_response,
    get_reserve,
    mark_surplus,
)
from web.server.ambiguous_headers import HOSTLESS_TARGETS, HeaderRefusal, find_header_refusal
from web.server.known_heads import KnownHeads
from web.server.request_start import StartingHttpProtocol
from web.server.single_write_response import EXTENSION, RequestCycle, TasklessAnswers

_MAX_READ_BYTES = 256 * 1024
"""Maximum bytes of one read, of which a part may belong to the next request."""
_INVALID: Final = "Invalid HTTP request received."
_SPECIAL_HEADERS: Final = frozenset({b"expect", b"transfer-encoding"})


class LimitedHttpProtocol(StartingHttpProtocol):
    """uvicorn's HTTP/1.1 protocol with limits. `build_limited_protocol` builds the class with its settings."""

    header_timeout: ClassVar[float]
    write_timeout: ClassVar[float]
    max_header_bytes: ClassVar[int]
    max_connections: ClassVar[int]

    _is_parser_idle = True
    """Whether the parser expects the start of a request."""
    _arrived: RequestCycle | None = None
    """A request whose header has arrived, and that is not started."""
    _in_header = False
    """Whether a header has begun and is not complete."""
    _header_bytes = 0
    _bytes_without_body = 0
    """Bytes since the last piece of a body, or since the start of the request: chunk extensions and trailers."""
    _last_read_bytes = 0
    """Bytes of the last read; a header that began in it may be any part of them."""
    _write_timer: asyncio.TimerHandle | None = None
    _has_transfer_coding = False
    """Whether the current header has a `Transfer-Encoding`."""
    _is_header_too_large = False
    """Whether the current header is over the limit."""
    _header_refusal: HeaderRefusal | None = None
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
        self._is_surplus = len(self.connections) > self.max_connections
        self._start_header_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the write timeout too."""
        self._in_header = False
        self._stop_write_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass bytes to the parser, and count those outside of bodies; refuse the request if they are too many."""
        # 1. After the last request, discard: see `GracefulHttpProtocol.stop_reading`.
        if not self.is_reading:
            self.drop(data)
            return
        # 2. The first bytes on an idle connection end the keep-alive timeout and start the header timeout, even if they
        #    are not a request yet.
        self._idle_due = None
        size = self._last_read_bytes = len(data)
        cycle: RequestResponseCycle | None = self.cycle  # None at first, which uvicorn's annotation omits
        is_first = self._is_parser_idle and (cycle is None or cycle.response_complete)
        # 3. A single request whose head is known needs no parser.
        if is_first and not (self._is_surplus or self._is_last_response):
            known = self.begin_known(data)
            if known is not None and known.known_head is not None:
                self._header_due = None
                self._bytes_without_body = 0
                self.start(known, body=data[size - known.known_head.body_length :])
                return
        if self._header_due is None and (cycle is None or cycle.response_complete):
            self._start_header_timer()
        if self._header_due is not None:
            self._header_bytes += size
        self._bytes_without_body += size
        # 4. Parse, and check the counters.
        self._parse(data)
        if self._header_bytes > self.max_header_bytes or self._bytes_without_body > self.max_header_bytes:
            self._check_counters()
        # 5. Start the request whose header was complete.
        if (arrived := self._arrived) is not None:
            self._arrived = None
            self.start(arrived, first_read=data if is_first else None)

    def _parse(self, data: bytes) -> None:
        """Parse. The parser calls `on_message_begin`, `on_headers_complete` and `on_body`, which reset the counters."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.logger.warning(_INVALID)
            self.send_400_response(_INVALID)
        except httptools.HttpParserUpgrade:
            pass  # the request is answered in HTTP/1.1, and the parser reads nothing more

    def _check_counters(self) -> None:
        """Refuse too many bytes: outside of a header, those of chunk extensions and trailers; else of the header."""
        if self._header_due is None:
            if self._bytes_without_body > self.max_header_bytes + _MAX_READ_BYTES:
                self.send_400_response("")
        elif self._header_bytes > self.max_header_bytes:
            self._is_header_too_large = True
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """The first byte of a request, possibly in the same read as the end of the previous one."""
        self._is_parser_idle = False
        self.url = b""
        self.headers = []
        self.expect_100_continue = self._has_transfer_coding = False
        self._in_header = True
        self._bytes_without_body = 0
        if self._header_due is None:
            self._start_header_timer()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer of a chunked body."""
        name = name.lower()
        if name in _SPECIAL_HEADERS:
            if name == b"transfer-encoding":
                self._has_transfer_coding = True
            elif value.lower() == b"100-continue":
                self.expect_100_continue = True
        self.headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        """A piece of the body: reset the counter of bytes outside of it."""
        self._bytes_without_body = 0
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        if cycle.arrival is not None:
            cycle.arrival.set()

    def on_message_complete(self) -> None:
        """The end of a request."""
        self._is_parser_idle = True
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.more_body = False
        if cycle.arrival is not None:
            cycle.arrival.set()

    def on_headers_complete(self) -> None:
        """The end of a header: check it before the application starts.

        A `ValueError` stops the parser, and `data_received` then sends the refusal.
        """
        # 1. Size. The exact size is only measured if the rough count is over the limit.
        self._in_header = False
        self._header_due = None
        if (
            self._header_bytes + self._last_read_bytes > self.max_header_bytes
            and self._measure_header() > self.max_header_bytes
        ):
            self._is_header_too_large = True
            raise ValueError("header too large")
        # 2. Ambiguity: a header that the parser accepts, but that other programs could read as another request.
        parser = self.parser
        upgrade = parser.should_upgrade()
        if upgrade or self._has_transfer_coding or not self.url.startswith(HOSTLESS_TARGETS):
            self._header_refusal = find_header_refusal(self.url, self.headers, upgrade=upgrade)
            if self._header_refusal is not None:
                raise ValueError("refused")
        # 3. The limit of connections, checked again now: older connections may have closed since this one opened.
        if self._is_surplus:
            self._is_surplus = len(self.connections) > self.max_connections
            self._is_beyond_reserve = len(self.connections) > self.max_connections + get_reserve(self.max_connections)
            if self._is_beyond_reserve:
                raise ValueError("too many connections")
        # 4. Prepare the request and its response, which may be the last one of the connection.
        version = parser.get_http_version()
        scope = self._build_scope(version)
        # After an upgrade request, the parser reads nothing more.
        is_last = version == "1.0" or upgrade or self._is_last_response or not parser.should_keep_alive()
        cycle = RequestCycle(self, scope, keep_alive=not is_last)
        scope["extensions"] = {EXTENSION: cycle}  # type: ignore[dict-item]  # extensions hold values of any type
        if self._is_surplus:
            mark_surplus(cycle)
        # 5. Start it at the end of the read, when the body may be there, or after the requests before it.
        previous: RequestResponseCycle | None = self.cycle  # None at first, which uvicorn's annotation omits
        self.cycle = cycle
        if previous is None or previous.response_complete:
            self._arrived = self._running_cycle = cycle
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))
        # 6. The request keeps its list of headers; trailers of a chunked body (RFC 9110, section 6.5.1) go into a new
        #    one. They would be appended to the request's headers, after all checks.
        self.headers = []

    def _build_scope(self, version: str) -> HTTPScope:
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        return {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme or "http",
            "method": self.parser.get_method().decode("ascii"),
            "root_path": "",  # the hub has none: see `build_uvicorn_config`
            "path": unquote(path) if "%" in path else path,
            "raw_path": url.path,
            "query_string": url.query or b"",
            "headers": self.headers,
            "state": self.app_state.copy(),
        }

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser or this class rejected, and close the connection."""
        self._in_header = False
        self._header_due = None
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
            self._refuse_with_text(*(self._header_refusal or HeaderRefusal(b"400 Bad Request", msg)))

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
        if self._header_due < self._timer_at:
            self._set_timer(self._header_due)

    def _time_out_header(self) -> None:
        """Close after earlier requests are answered; send a 408 only if a header has begun."""
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


def build_limited_protocol(
    *,
    header_timeout: float,
    write_timeout: float,
    max_header_bytes: int,
    max_connections: int,
    repeated_requests: TasklessAnswers,
) -> type[LimitedHttpProtocol]:
    """Build the protocol class with these limits; uvicorn creates one object of it for each connection.

    Args:
        header_timeout: Seconds until a header must be complete.
        write_timeout: Seconds that a client may leave a response unread.
        max_header_bytes: Maximum size of request line and headers together.
        max_connections: Limit of open connections; see `web/admission/surplus_connections.py`.
        repeated_requests: Answers requests without a task if equal ones came before.

    """
    limits = {
        "header_timeout": header_timeout,
        "write_timeout": write_timeout,
        "max_header_bytes": max_header_bytes,
        "max_connections": max_connections,
        "known_heads": KnownHeads(),
        "repeated_requests": repeated_requests,
    }
    return type("ConfiguredHttpProtocol", (LimitedHttpProtocol,), limits)
