"""Limits on the size and time of request bodies, on every path.

A body over the limit gets a 413, and a slow one a 408. If a body was not read to its end, the connection closes after
the response, instead of reading the rest without limit.
"""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.event_loop import start_task
from web.http_errors import HttpError, HttpErrorCode
from web.server.client_disconnect import ClientDisconnected
from web.server.single_write_response import WholeExchange

_LINGER_SECONDS = 1.0
_LINGER_BYTES = 16 * 1024 * 1024
"""Time and bytes for which an answered client may keep sending before the connection closes. If it closes while the
client still sends, the response may be lost (RFC 9112, section 9.6)."""


class RequestBody:
    """ASGI middleware: passes on the body within the limits, and closes the connection of an unread one."""

    def __init__(self, app: ASGIApp, *, max_bytes: int, timeout: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout = timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request within the limits."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = LimitedBody(Headers(scope=scope), receive, send, max_bytes=self._max_bytes, timeout=self._timeout)
        if body.is_complete:
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["body"] = body
        await self._app(scope, body.receive, body.send)


def get_limited_body(scope: Scope) -> LimitedBody:
    """The body of a request that came through `RequestBody`."""
    body = scope["state"]["body"]
    if not isinstance(body, LimitedBody):
        raise TypeError("The request has no body.")
    return body


class LimitedBody:
    """The body of one request, and the response to it, within the limits."""

    def __init__(
        self,
        headers: Headers,
        receive: Receive,
        send: Send,
        *,
        max_bytes: int,
        timeout: float,
        exchange: WholeExchange | None = None,
    ) -> None:
        """`exchange` passes a body that has arrived already, without messages."""
        self._exchange = exchange
        self._receive = receive
        self._send = send
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._deadline: float | None = None
        """On the clock of the loop; None until the body is awaited."""
        length = headers.get("content-length")
        self.announced_length = int(length) if length is not None and length.isascii() and length.isdigit() else None
        """The length of the body in bytes, as announced; None for a chunked body."""
        self._bytes_read = 0
        self.is_complete = (length is None or length == "0") and "transfer-encoding" not in headers
        """Whether the body was read to its end, or none follows the header (RFC 9112, section 6.3)."""
        self._body: bytes | None = None

    async def read_all(self) -> bytes:
        """The complete body. Can be called repeatedly.

        Raises:
            ClientDisconnected: The client disconnected before the end of the body.
            HttpError: See `receive`.

        """
        if self._body is not None:
            return self._body
        if not self.is_complete and (self.announced_length or 0) > self._max_bytes:
            raise self._build_too_large_error(f"{self.announced_length} bytes")
        if self._exchange is not None and not self.is_complete and (whole := self._exchange.take_body()) is not None:
            self._bytes_read, self.is_complete = len(whole), True
            if self._bytes_read > self._max_bytes:
                raise self._build_too_large_error("too large")
            self._body = whole
            return whole
        message = await self.receive()
        pieces: list[bytes] = []
        while message["type"] != "http.disconnect":
            pieces.append(message.get("body", b""))
            if not message.get("more_body", False):
                self._body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
                return self._body
            message = await self.receive()
        raise ClientDisconnected

    def expect_files(self, *, max_bytes: int, timeout: float) -> None:
        """Use the limits of bodies with files, before anything of the body is read."""
        self._max_bytes, self._timeout = max_bytes, timeout

    async def receive(self) -> Message:
        """The next piece of the body.

        Raises:
            HttpError: PAYLOAD_TOO_LARGE, before reading if the length is announced, else at the first piece over the
                limit; REQUEST_TIMEOUT.

        """
        if self.is_complete:
            return await self._receive()
        if (self.announced_length or 0) > self._max_bytes:
            raise self._build_too_large_error(f"{self.announced_length} bytes")
        receiving = start_task(self._receive_next())
        try:
            if receiving.done():  # most bodies arrive with their header: they need no timer
                message = receiving.result()
            else:
                if self._deadline is None:
                    self._deadline = asyncio.get_running_loop().time() + self._timeout
                async with asyncio.timeout_at(self._deadline):
                    message = await receiving
        except TimeoutError as error:
            raise HttpError(
                HttpErrorCode.REQUEST_TIMEOUT,
                f"The request body did not arrive within {self._timeout:g} s; {self._bytes_read} bytes of it arrived.",
            ) from error
        self._count(message)
        if self._bytes_read > self._max_bytes:
            raise self._build_too_large_error("too large")
        return message

    async def send(self, message: Message) -> None:
        """Send the response; after an incomplete body, with `Connection: close`, and close the connection."""
        if self.is_complete:
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
        self.is_complete = message["type"] == "http.disconnect" or not message.get("more_body", False)

    async def _linger(self) -> None:
        """Discard what the client still sends, within the limits."""
        bound = self._bytes_read + _LINGER_BYTES
        try:
            async with asyncio.timeout(_LINGER_SECONDS):
                while not self.is_complete and self._bytes_read < bound:
                    self._count(await self._receive())
        except TimeoutError:
            return

    def _build_too_large_error(self, size: str) -> HttpError:
        return HttpError(
            HttpErrorCode.PAYLOAD_TOO_LARGE,
            f"The request body is {size}; the limit is {self._max_bytes} bytes. Split it into several requests.",
        )
