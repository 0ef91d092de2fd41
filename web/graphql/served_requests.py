"""Counts the requests of `/graphql`, and logs each at its end."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from records.calls.spans import Span
from telemetry.metrics.request_counts import RequestCounts
from web.admission.load_shedder import LoadShedder
from web.middleware.request_log import EndedRequest, RequestLog


class ServedRequests:
    """The running and ended requests of one hub."""

    def __init__(self, path: str, counts: RequestCounts, request_log: RequestLog, load_shedder: LoadShedder) -> None:
        """`path` is that of the endpoint."""
        self._path = path
        self._counts = counts
        self._route_counts = counts.routes[path]
        self._request_log = request_log
        self._load_shedder = load_shedder

    def begin(self) -> None:
        """Count a request in."""
        self._counts.in_flight += 1

    def end(
        self,
        ended: Sequence[EndedRequest],
        *,
        method: str,
        status: int,
        span: Span | None = None,
        was_admitted: bool = True,
    ) -> Sequence[float]:
        """Count out requests that got one response, and log them; status 0 if none was sent.

        Returns:
            Their durations in seconds.

        """
        now = monotonic()
        durations = [now - began for _, began in ended]
        self._counts.in_flight -= len(ended)
        self._route_counts.record_responses(status, durations)
        self._request_log.record_all(ended, now, method=method, path=self._path, status=status, span=span)
        self._load_shedder.leave(len(ended), was_admitted=was_admitted)
        return durations
