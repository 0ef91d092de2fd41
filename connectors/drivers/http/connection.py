"""One HTTP connection to an agency: sends a request in one write, and collects the reply."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import chain
from time import monotonic
from typing import Final, NoReturn, TypeAlias, cast

import httptools

from connectors.drivers.bounded_reading import NOTHING, SLICE, BoundedReading
from connectors.drivers.http.reply import HttpReply
from connectors.drivers.http.reply_head import (
    MAX_FIELD_LENGTH,
    MAX_FIELDS,
    HeaderFields,
    RawFields,
    build_parser,
    find_plain_head,
    list_fields,
)
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyTimeout, AgencyUnavailable

IDLE_TIMEOUT: Final = 15.0
"""Seconds after which an idle connection is closed."""

MAX_BYTES_AROUND_BODY: Final = 64 * 1024
"""Maximum bytes in a row that are not part of a body: heads, trailers, bytes around chunks."""

_MAX_PIECES: Final = 256
"""Maximum number of separate pieces of a body: a hostile one comes byte by byte, and each piece has an overhead."""

_FIRST_INTERIM: Final = 100
_SWITCHING: Final = 101
_FIRST_FINAL: Final = 200
_PLAIN_STATUS: Final = 200
_CONTENT_LENGTH: Final = b"content-length"
_CONTENT_ENCODING: Final = b"content-encoding"
_TRANSFER_ENCODING: Final = b"transfer-encoding"
_END_OF_HEAD: Final = b"\r\n\r\n"

_CHUNKED: Final = b"chunked"
_TRANSFERS: Final = frozenset({_CHUNKED, b"identity"})
"""Transfer codings that a server may use unasked (RFC 9112, section 6.1), and the obsolete one without effect."""

_TIMER_TOLERANCE: Final = 0.001
"""Seconds by which a timer of the event loop may be early, without another timer."""


ReplyOutcome: TypeAlias = HttpReply | AgencyFailure | None
"""The outcome of a request; None if the reused connection was dead, and no byte of a reply came."""


class _Stop(Exception):  # noqa: N818 - stops the parser, and is caught in this file
    """The remaining bytes are not read."""


class ReadConnection(BoundedReading):
    """Carries one request at a time.

    An outcome is a value, never an exception: the caller may be gone, and library exceptions contain bytes of the
    reply. A connection is not reused if it did anything except answer its request.
    """

    __slots__ = (
        "_agency",
        "_bodiless",
        "_bytes_since_body",
        "_deadline",
        "_encoding",
        "_field_parser",
        "_fields",
        "_forget",
        "_held",
        "_is_chunked",
        "_joined_pieces",
        "_length",
        "_loop",
        "_lost_error",
        "_max_bytes",
        "_parser",
        "_pieces",
        "_plain_parser",
        "_received_fields",
        "_status",
        "_timer",
        "_timer_due",
        "_transport",
        "_used",
        "closed_future",
        "is_usable",
        "pending_reply",
    )  # fmt: skip

    def __init__(self, agency: str, max_bytes: int, forget: Callable[[ReadConnection], None]) -> None:
        """`forget` is called once when the connection is lost."""
        self._agency = agency
        self._max_bytes = max_bytes
        self._forget = forget
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = self._deadline = 0.0
        self._used = self._bodiless = self._is_chunked = False
        self._parser: httptools.HttpResponseParser | None = None
        self._plain_parser: httptools.HttpResponseParser | None = None
        self._field_parser: httptools.HttpResponseParser | None = None
        self._status = 0
        self._fields: RawFields = ()
        self._received_fields: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self._joined_pieces = bytearray()
        self._held, self._lost_error = NOTHING, False
        self.is_usable = False
        """Whether the connection can be reused after the current request."""
        self.pending_reply: asyncio.Future[ReplyOutcome] | None = None
        """The outcome of the current request; None between requests."""
        self.closed_future: asyncio.Future[None] = self._loop.create_future()
        """Done when the connection is lost."""

    @property
    def idle_since(self) -> float:
        """When its last reply ended. Valid only for a free connection that was used."""
        return self._deadline - IDLE_TIMEOUT

    def send(self, request: bytes, *, deadline: float, bodiless: bool) -> asyncio.Future[ReplyOutcome]:
        """Send a whole request. Returns its outcome, at the deadline at the latest.

        `bodiless`: the reply has no body, even if its head announces one (HEAD).
        """
        self._parser, self._encoding = None, b""
        self._length = self._bytes_since_body = self._status = 0
        self._bodiless, self._is_chunked = bodiless, False
        self.pending_reply = waiting = self._loop.create_future()
        self._deadline = deadline
        if self._timer is None or self._timer_due > deadline:
            self._set_timer(deadline)
        self._transport.write(request)
        return waiting

    def abort(self) -> None:
        """Close the connection immediately, even during a request."""
        self.is_usable = False
        self._held = NOTHING
        self._transport.abort()

    # Callbacks of the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport; see asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_usable = True

    def data_received(self, data: bytes) -> None:
        """Parse the received bytes, as far as one turn allows. A reply that is plain and whole needs no parser."""
        if self._parser is None and self.pending_reply is not None and self._begin_reply(data):
            return
        super().data_received(data)

    def eof_received(self) -> None:
        """Handle the end of the agency's stream; the transport then closes itself."""
        self.is_usable = False
        if not self._held:
            self._handle_disconnect(None)

    def _feed(self, data: bytes | memoryview) -> int | None:
        if self.pending_reply is None or (parser := self._parser) is None:
            # Unrequested bytes would be taken for the reply to the next request.
            self.abort()
            return None
        before = self._length
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._end(AgencyMalformed(self._agency, f"not HTTP ({type(error).__name__})"))
            self.abort()
            return None
        if self.pending_reply is None:
            return 0  # So bytes after the reply are refused in this turn: held, they would answer the next request.
        body = self._length - before
        self._bytes_since_body = 0 if body else self._bytes_since_body + len(data)
        if self._bytes_since_body > MAX_BYTES_AROUND_BODY:
            self._end(
                AgencyMalformed(self._agency, f"not HTTP (more than {MAX_BYTES_AROUND_BODY} bytes around the body)")
            )
            self.abort()
            return None
        return len(data) - body

    def _begin_reply(self, data: bytes) -> bool:
        """Read the first bytes of a reply. Returns whether they are the whole of it; else a parser goes on."""
        head = None if self._bodiless else find_plain_head(data)
        if head is None:
            if self._field_parser is None:
                self._field_parser = build_parser(self)
            self._parser = self._field_parser
            return False
        text, is_chunked, is_whole = head
        if is_whole and len(data) - len(text) <= self._max_bytes:
            self._end(HttpReply(status=_PLAIN_STATUS, headers=HeaderFields(text), body=data[len(text) :]))
            return True
        if self._plain_parser is None:
            self._plain_parser = build_parser(_PlainReplyCallbacks(self))
        self._parser = self._plain_parser
        self._fields, self._is_chunked = text, is_chunked
        self._status = _PLAIN_STATUS
        return False

    def _choose_size(self, data: memoryview) -> int:
        if self._status:
            # Only bytes of a body follow, without others around them: their parsing costs the same at any size.
            return SLICE if self._is_chunked else len(data)
        # A step ends with the head, so that the body comes in one piece, which is copied once.
        end = bytes(data[:SLICE]).find(_END_OF_HEAD)
        return SLICE if end < 0 else end + len(_END_OF_HEAD)

    def _is_wanted(self) -> bool:
        return self.pending_reply is not None and not self.pending_reply.done()

    def _get_transport(self) -> asyncio.Transport:
        return self._transport

    def _lose(self, error: BaseException | None) -> None:
        self.is_usable = False
        self._handle_disconnect(error)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # The parsers hold methods of this connection: this breaks the reference cycle without the garbage collector.
        self._parser = self._field_parser = self._plain_parser = None
        self._forget(self)
        if not self.closed_future.done():
            self.closed_future.set_result(None)

    # Callbacks of the parser.

    def on_message_begin(self) -> None:
        """Check that a reply is expected."""
        if self.pending_reply is None:
            raise _Stop

    def on_header(self, name: bytes, value: bytes) -> None:
        """Store a field. It is called most, so the whole head is checked at its end; `_feed` bounds its bytes."""
        self._received_fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Check the head, skip interim replies, and prepare for the body."""
        if (parser := self._parser) is None:
            raise _Stop
        status = parser.get_status_code()
        fields, self._received_fields = self._received_fields, []  # fields of a trailer are ignored
        # All fields as one text: to look at each one takes three times as long.
        text = b"\n".join(chain.from_iterable(fields)).lower()
        is_long = len(text) > MAX_FIELD_LENGTH and any(
            len(each[0]) + len(each[1]) > MAX_FIELD_LENGTH for each in fields
        )
        if len(fields) > MAX_FIELDS or is_long or b"\0" in text:
            self._refuse("not HTTP (too many header fields, or one too long)")
        if b"-encoding" in text:
            for name, value in fields:
                self._apply_field(name.lower(), value)
        if status < _FIRST_FINAL:
            if status == _SWITCHING or status < _FIRST_INTERIM:
                self._refuse(f"HTTP {status}: no answer to what was asked")
            self._encoding = b""
            return
        self._status, self._fields = status, fields
        if self._bodiless:
            self.finish()
            # The parser now waits for the body that the head announces.
            self._parser = self._field_parser = None

    def on_body(self, piece: bytes) -> None:
        """Store a piece of the body undecoded: the whole body is decoded outside the loop's callbacks."""
        if self.pending_reply is None or not self._status:
            raise _Stop
        self._length += len(piece)
        if self._length > self._max_bytes:
            self._refuse(f"the body is longer than {self._max_bytes} bytes")
        if len(self._pieces) == _MAX_PIECES:
            self._joined_pieces += b"".join(self._pieces)
            self._pieces.clear()
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        """Complete the reply."""
        if self._status and self.pending_reply is not None:
            self.finish()

    def _apply_field(self, name: bytes, value: bytes) -> None:
        """Apply a field that describes the body."""
        if name == _CONTENT_ENCODING:
            self._encoding = value
        elif name == _TRANSFER_ENCODING:
            self._is_chunked = True
            if value.strip().lower() not in _TRANSFERS:
                self._refuse("not HTTP (a transfer coding that was not asked for)")

    # The end of a request.

    def finish(self) -> None:
        """Complete the reply, which is whole."""
        self.is_usable = self.is_usable and self._parser is not None and self._parser.should_keep_alive()
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if self._joined_pieces:
            self._joined_pieces += body
            body = bytes(self._joined_pieces)
        encoding = self._encoding.decode("latin-1") if self._encoding else ""
        self._end(HttpReply(status=self._status, headers=HeaderFields(self._fields), body=body, encoding=encoding))

    def _refuse(self, detail: str) -> NoReturn:
        self._end(AgencyMalformed(self._agency, detail))
        raise _Stop

    def _handle_disconnect(self, error: BaseException | None) -> None:
        """Handle the agency's disconnect. Error names are those of the log for every HTTP call (`driver.py`)."""
        if self.pending_reply is None:
            return
        if self._status and error is None and self._is_body_ended_by_close():
            self.finish()
        elif self._status:
            self._end(AgencyUnavailable(self._agency, "ClientPayloadError"))
        elif self._used and self._parser is None:
            self._end(None)
        else:
            seen = "ServerDisconnectedError" if error is None else "ClientOSError"
            self._end(AgencyUnavailable(self._agency, seen))

    def _is_body_ended_by_close(self) -> bool:
        """Whether the body ends with the connection (RFC 9112, section 6.3)."""
        for name, value in list_fields(self._fields):
            named = name.lower()
            if named == _CONTENT_LENGTH or (named == _TRANSFER_ENCODING and value.strip().lower() == _CHUNKED):
                return False
        return True

    def _end(self, outcome: ReplyOutcome) -> None:
        waiting, self.pending_reply = self.pending_reply, None
        if waiting is None:
            return
        self._used = True
        # Data of one call is not held until the next.
        self._fields, self._received_fields, self._pieces = (), [], []
        if self._joined_pieces:
            self._joined_pieces = bytearray()
        if self.is_usable:
            self._deadline = moment = monotonic() + IDLE_TIMEOUT
            if self._timer is None or self._timer_due > moment:
                self._set_timer(moment)
        if not waiting.done():
            waiting.set_result(outcome)

    # Deadlines. A timer for each call would cost more than everything else here, so one timer is reused.

    def _set_timer(self, moment: float) -> None:
        """Set the timer. Callers first look whether it is due early enough, as it is for most calls."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = moment
        self._timer = self._loop.call_later(max(0.0, moment - monotonic()), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._deadline - monotonic() > _TIMER_TOLERANCE:
            self._set_timer(self._deadline)
            return
        self.is_usable = False
        if self.pending_reply is None:
            self._transport.close()
        else:
            self._end(AgencyTimeout(self._agency, "no whole answer before the deadline"))
            self._transport.abort()


class _PlainReplyCallbacks:
    """The callbacks of a connection for a reply with a plain head: the parser calls none for its fields."""

    __slots__ = ("on_body", "on_message_begin", "on_message_complete")

    def __init__(self, connection: ReadConnection) -> None:
        self.on_message_begin = connection.on_message_begin
        self.on_body = connection.on_body
        self.on_message_complete = connection.finish
