"""The access log: one line per request, written in batches.

A separate log record would cost each request a lock and a system call. If all handlers of the logger use the hub's log
formats (`telemetry/log_format.py`), requests are collected and written as one record: after at most 100 ms or 512
requests (about 64 kB of text), and at shutdown. Other handlers get each request immediately, as from any logger.

A line contains method, path, status, duration and ids. It never contains the query string, which may contain variables,
nor an unknown path, which may contain anything.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial
from time import monotonic, time
from typing import Final, cast

from records.calls.spans import Span
from telemetry.log_format import JsonLines, ServedRequest, ServedRequestsRecord, TextLines, format_text

_MAX_DELAY = 0.1
"""Maximum seconds that a line waits. A killed process loses the lines of that time."""
_MAX_LINES = 512

EndedRequest = tuple[str, float]
"""The id of a request, and when it began, on the clock of `time.monotonic`."""

_build_served: Final = cast("Callable[[tuple[object, ...]], ServedRequest]", partial(tuple.__new__, ServedRequest))
"""Without the Python function of named tuples, which takes longer than all the rest of a line."""


class RequestLog:
    """The access log of the HTTP side. Used from one event loop."""

    def __init__(self) -> None:
        self._logger = logging.getLogger("simpul.access")
        self._pending: list[ServedRequest] = []
        self._timer: asyncio.TimerHandle | None = None

    def record(
        self, request_id: str, *, method: str, path: str, status: int, started_at: float, span: Span | None = None
    ) -> None:
        """Log one request. `path` is the route's, not the caller's; `started_at` is a time of `time.monotonic`."""
        ended = ((request_id, started_at),)
        self.record_all(ended, monotonic(), method=method, path=path, status=status, span=span)

    def record_all(
        self,
        ended: Iterable[EndedRequest],
        now: float,
        *,
        method: str,
        path: str,
        status: int,
        span: Span | None = None,
    ) -> None:
        """Log requests that got one response, as `record`; `now` is the time of `time.monotonic`."""
        if self._timer is None and not self._logger.isEnabledFor(logging.INFO):  # asked once for each batch
            return
        trace_id = None if span is None or not span.is_sampled else span.trace_id
        at = time()
        served = [_build_served((at, method, path, status, now - began, name, trace_id)) for name, began in ended]
        if self._timer is None:
            if not _accepts_batches(self._logger):
                for each in served:
                    self._logger.info("%s", format_text(each))
                return
            self._timer = asyncio.get_running_loop().call_later(_MAX_DELAY, self.flush)
        self._pending += served
        if len(self._pending) >= _MAX_LINES:
            self.flush()

    def flush(self) -> None:
        """Write all pending lines."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pending:
            served, self._pending = self._pending, []
            self._logger.handle(ServedRequestsRecord(self._logger.name, served))


def _accepts_batches(logger: logging.Logger) -> bool:
    """Whether all handlers of the logger use the hub's log formats."""
    reached: list[logging.Handler] = []
    above: logging.Logger | None = logger
    while above is not None:
        reached += above.handlers
        above = above.parent if above.propagate else None
    return bool(reached) and all(isinstance(handler.formatter, TextLines | JsonLines) for handler in reached)
