"""The access log: one line a request, written many at a time.

A line of its own would cost each request a log record, a lock and a system call. Where every handler that the lines
reach writes the hub's own forms (`telemetry/log_format.py`), requests are gathered and handed over in one record, at
most 100 ms or 512 requests (some 64 kB of text) later, and at the orderly end. Other handlers get each request at once,
as from any logger.

The line has method, path, status, duration and ids: never the query string, which may hold variables, and no path that
the hub does not serve, which may hold anything.
"""

from __future__ import annotations

import asyncio
import logging
from time import monotonic, time

from records.calls.call import Call
from telemetry.log_format import JsonLines, ServedRequest, ServedRequestsRecord, TextLines, format_text

_MAX_DELAY = 0.1
"""Seconds that a line may wait. A process that is killed loses the lines of so long."""
_MAX_LINES = 512


class RequestLog:
    """What the HTTP side notes its requests in. Used from one event loop."""

    def __init__(self) -> None:
        self._logger = logging.getLogger("simpul.access")
        self._pending: list[ServedRequest] = []
        self._timer: asyncio.TimerHandle | None = None

    def record(self, call: Call, *, method: str, path: str, status: int, started_at: float) -> None:
        """Note one request. `path` is the route's, not the caller's; `started_at` is a moment of `time.monotonic`."""
        if not self._logger.isEnabledFor(logging.INFO):
            return
        span = call.span
        trace_id = None if span is None or not span.is_sampled else span.trace_id
        served = ServedRequest(time(), method, path, status, monotonic() - started_at, call.request_id, trace_id)
        if self._timer is None:
            if not _accepts_batches(self._logger):
                self._logger.info("%s", format_text(served))
                return
            self._timer = asyncio.get_running_loop().call_later(_MAX_DELAY, self.flush)
        self._pending.append(served)
        if len(self._pending) >= _MAX_LINES:
            self.flush()

    def flush(self) -> None:
        """Hand over every line that waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pending:
            served, self._pending = self._pending, []
            self._logger.handle(ServedRequestsRecord(self._logger.name, served))


def _accepts_batches(logger: logging.Logger) -> bool:
    """Whether every handler that the logger's records reach writes the hub's own forms."""
    reached: list[logging.Handler] = []
    above: logging.Logger | None = logger
    while above is not None:
        reached += above.handlers
        above = above.parent if above.propagate else None
    return bool(reached) and all(isinstance(handler.formatter, TextLines | JsonLines) for handler in reached)
