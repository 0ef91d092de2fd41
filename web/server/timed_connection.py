"""The timeouts of a connection before and between requests: one timer serves all of them.

uvicorn sets and cancels a timer for each request (0.6 µs). Here a request only notes when its timeout is due, and the
timer, which may be older, is set again when it fires too early.
"""

from __future__ import annotations

import asyncio
from math import inf

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class TimedHttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with one timer. A subclass notes what is due, and calls `_set_timer` if needed."""

    _header_due: float | None = None
    """When the pending header must be complete, on the clock of the loop; None without a pending header."""
    _idle_due: float | None = None
    """When the idle connection is closed, on that clock; None while it is not idle, or before its first request."""
    _timer: asyncio.TimerHandle | None = None
    _timer_at: float = inf
    """When the timer fires; infinity without one. A timeout that is due earlier needs `_set_timer`."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._header_due = self._idle_due = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().connection_lost(exc)

    def _set_timer(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        self._timer = self.loop.call_at(due, self._check_timeouts)

    def _check_timeouts(self) -> None:
        """Time out what is due, or set the timer for what is due later."""
        self._timer, self._timer_at = None, inf
        header_due, idle_due = self._header_due or inf, self._idle_due or inf
        due = min(header_due, idle_due)
        if due == inf:
            return
        if self.loop.time() < due:
            self._set_timer(due)
        elif header_due <= idle_due:
            self._header_due = None
            self._time_out_header()
        else:
            self.timeout_keep_alive_handler()

    def _time_out_header(self) -> None:
        """End a connection whose header did not arrive in time."""
        raise NotImplementedError
