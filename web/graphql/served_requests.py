"""Counts the requests of `/graphql`, and logs each at its end."""

from __future__ import annotations

from time import monotonic

from records.calls.spans import Span
from telemetry.metrics.request_counts import RequestCounts
from web.admission.load_shedder import LoadShedder
from web.middleware.request_log import RequestLog


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
        request_id: str,
        *,
        method: str,
        status: int,
        began: float,
        span: Span | None = None,
        was_admitted: bool = True,
    ) -> None:
        """Count a request out, and log it. `began` is on the clock of `time.monotonic`; status 0 if none was sent."""
        self._counts.in_flight -= 1
        self._route_counts.record_response(status, monotonic() - began)
        self._request_log.record(request_id, method=method, path=self._path, status=status, started_at=began, span=span)
        self._load_shedder.leave(was_admitted=was_admitted)
