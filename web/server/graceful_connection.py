"""The orderly end of a connection: complete requests are answered first.

uvicorn closes a connection immediately when invalid bytes arrive, and when the client closes its side. It still runs
the earlier requests, so a change could be made without an answer. Here the hub stops reading instead, answers the
complete requests in order, and then closes the connection. It does so in a way that the answer arrives even if the
client still sends (RFC 9112, section 9.6).
"""

from __future__ import annotations

import asyncio
from typing import cast

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from web.server.timed_connection import TimedHttpProtocol

_LINGER_SECONDS = 1.0
_LINGER_BYTES = 16 * 1024 * 1024
"""Time and bytes for which an answered client may keep sending before the connection is cut."""
_HALF_CLOSED_SECONDS = 1.0
"""How long a request runs after its client closed its side: most such clients are gone and read nothing more."""


class GracefulHttpProtocol(TimedHttpProtocol):
    """uvicorn's HTTP/1.1 protocol, which answers all complete requests before it closes a connection."""

    is_reading = True
    """Whether incoming bytes are parsed as requests."""
    _dropped_bytes = 0
    """Bytes that arrived after parsing stopped."""
    _is_half_closed = False
    """Whether the client has closed its side."""
    _running_cycle: RequestResponseCycle | None = None
    """The request that is being answered, while others may wait behind it."""
    _close_timer: asyncio.TimerHandle | None = None
    """Closes the connection."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        if self._close_timer is not None:
            self._close_timer.cancel()
            self._close_timer = None
        super().connection_lost(exc)

    def is_idle(self) -> bool:
        """Whether no request is being read or answered."""
        cycle: RequestResponseCycle | None = self.cycle  # None at first, which uvicorn's annotation omits
        return cycle is None or cycle.response_complete

    def drop(self, data: bytes) -> None:
        """Read and discard invalid bytes: unread, they could destroy the answer when the connection closes."""
        self._dropped_bytes += len(data)
        if self._dropped_bytes > _LINGER_BYTES:
            self.transport.close()

    def stop_reading(self) -> None:
        """Answer the complete requests, then close. Call it only while one of them runs."""
        self.is_reading = False
        self._drop_incomplete_request()
        if not self.cycle.response_started:
            self.cycle.keep_alive = False  # the answer says that it is the last
        self.cycle.transport = cast("asyncio.Transport", _LingeringTransport(self))

    def eof_received(self) -> bool | None:  # type: ignore[override]  # uvicorn's own never keeps it open
        """Answer a client that closed its side, within a second; if there is nothing to answer, close."""
        self._drop_incomplete_request()
        if self.is_idle() or self.cycle.more_body:
            return None
        if not self._is_half_closed:
            self._is_half_closed = True
            self._close_after(_HALF_CLOSED_SECONDS)
        return True

    def on_response_complete(self) -> None:
        """Continue with the next request, or close the connection if it has to end. Replaces uvicorn's callback."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.flow.read_paused:
            self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self.is_reading and not self._is_half_closed:
            due = self._idle_due = self.loop.time() + self.timeout_keep_alive
            if due < self._timer_at:
                self._set_timer(due)
        else:
            self.linger()

    def linger(self) -> None:
        """Close our side first; close the connection when the client has read the answer, or after a second."""
        if self.transport.is_closing():
            return
        if self._is_half_closed:
            self.transport.close()
            return
        self.is_reading = False
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._close_after(_LINGER_SECONDS)

    def _close_after(self, seconds: float) -> None:
        if self._close_timer is None:
            self._close_timer = self.loop.call_later(seconds, self.transport.close)

    def _drop_incomplete_request(self) -> None:
        """Drop a request in the queue whose body cannot become complete."""
        if self.pipeline and self.cycle is self.pipeline[0][0] and self.cycle.more_body:
            self.pipeline.popleft()
            self.cycle = self.pipeline[0][0] if self.pipeline else cast("RequestResponseCycle", self._running_cycle)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Start a request in the next turn of the event loop. Replaces uvicorn's function."""
        self._running_cycle = cycle
        task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)


class _LingeringTransport:
    """The transport of the last answer, which closes the connection when the answer is complete."""

    def __init__(self, protocol: GracefulHttpProtocol) -> None:
        self._protocol = protocol

    def write(self, data: bytes) -> None:
        """Pass it on."""
        self._protocol.transport.write(data)

    def is_closing(self) -> bool:
        """Whether the connection is being closed."""
        return self._protocol.transport.is_closing()

    def close(self) -> None:
        """Close it so that what was written arrives."""
        self._protocol.linger()
