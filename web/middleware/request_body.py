"""How much of a request's body is read, and for how long.

Applies to every path: a body over the limit is answered with 413, one that comes too slowly with 408, and a
connection whose body was not read to its end is closed after the answer, never drained for ever.
"""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.event_loop import start_task
from web.http_errors import HttpError, HttpErrorCode
from web.server.client_disconnect import ClientDisconnected

_LINGER_SECONDS = 1.0
_LINGER_BYTES = 16 * 1024 * 1024
"""How long, and for how much, an answered client may go on sending before the connection is cut. A connection that is
cut while the client still writes loses the answer on its way (RFC 9112, section 9.6)."""


class RequestBody:
    """ASGI middleware: hands the body inwards up to a size and until a time; ends what was not read."""

    def __init__(self, app: ASGIApp, *, max_bytes: int, timeout: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout = timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Guard one request."""
        if scope["type"] != "http" or not _has_body(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        body = LimitedBody(Headers(scope=scope), receive, send, max_bytes=self._max_bytes, timeout=self._timeout)
        await self._app(scope, body.receive, body.send)


def _has_body(headers: Headers) -> bool:
    """Whether a body follows the header (RFC 9112, section 6.3)."""
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def parse_content_length(headers: Headers) -> int | None:
    """The length that the header announces, in bytes; none where it does not, as with chunked bodies."""
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else None


class LimitedBody:
    """One request's body on its way in, and the answer on its way out."""

    def __init__(self, headers: Headers, receive: Receive, send: Send, *, max_bytes: int, timeout: float) -> None:
        self._receive = receive
        self._send = send
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._deadline: float | None = None
        """On the loop's clock; none until the body is waited for."""
        self._announced_length = parse_content_length(headers)
        self._bytes_read = 0
        self._is_complete = not _has_body(headers)
        self._body: bytes | None = None

    async def read_all(self) -> bytes:
        """The body, as often as it is asked for.

        Raises:
            ClientDisconnected: The client went away before its end.
            Refusal: See `receive`.

        """
        if self._body is not None:
            return self._body
        message = await self.receive()
        pieces: list[bytes] = []
        while message["type"] != "http.disconnect":
            pieces.append(message.get("body", b""))
            if not message.get("more_body", False):
                self._body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
                return self._body
            message = await self.receive()
        raise ClientDisconnected

    @property
    def is_complete(self) -> bool:
        """Whether nothing of it is left on the wire."""
        return self._is_complete

    async def receive(self) -> Message:
        """The next piece of the body.

        Raises:
            Refusal: PAYLOAD_TOO_LARGE, before reading where the length is announced, else at the first piece over the
                limit; REQUEST_TIMEOUT.

        """
        if self._is_complete:
            return await self._receive()
        if (self._announced_length or 0) > self._max_bytes:
            raise self._build_too_large_error(f"{self._announced_length} bytes")
        receiving = start_task(self._receive_next())
        try:
            if receiving.done():  # as most bodies, which come together with their header: no clock is needed
                message = receiving.result()
            else:
                if self._deadline is None:
                    self._deadline = asyncio.get_running_loop().time() + self._timeout
                async with asyncio.timeout_at(self._deadline):
                    message = await receiving
        except TimeoutError as error:
            raise HttpError(
                HttpErrorCode.REQUEST_TIMEOUT,
                f"The request body did not arrive within {self._timeout:g} s; {self._bytes_read} bytes of it came.",
            ) from error
        self._count(message)
        if self._bytes_read > self._max_bytes:
            raise self._build_too_large_error("larger")
        return message

    async def send(self, message: Message) -> None:
        """Pass the answer on; where the body was not read to its end, say that the connection closes, and close it."""
        if self._is_complete:
            await self._send(message)
        elif message["type"] == "http.response.start":
            MutableHeaders(scope=message)["Connection"] = "close"
            await self._send(message)
        elif message.get("more_body", False):
            await self._send(message)
        else:
            await self._send({**message, "more_body": True})
            await self._linger()
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _receive_next(self) -> Message:
        return await self._receive()

    def _count(self, message: Message) -> None:
        self._bytes_read += len(message.get("body", b""))
        self._is_complete = message["type"] == "http.disconnect" or not message.get("more_body", False)

    async def _linger(self) -> None:
        """Let the client finish or go, within a bound, and throw away what it still sends."""
        bound = self._bytes_read + _LINGER_BYTES
        try:
            async with asyncio.timeout(_LINGER_SECONDS):
                while not self._is_complete and self._bytes_read < bound:
                    self._count(await self._receive())
        except TimeoutError:
            return

    def _build_too_large_error(self, size: str) -> HttpError:
        return HttpError(
            HttpErrorCode.PAYLOAD_TOO_LARGE,
            f"The request body is {size}; at most {self._max_bytes} bytes are read. Ask in several requests.",
        )
