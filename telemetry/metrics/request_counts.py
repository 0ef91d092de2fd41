"""Counters of HTTP requests and of operations: additions only, since each request pays for them.

Requests that get one answer are counted together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from records.histogram import Histogram
from telemetry.metrics.metric_values import MetricValues

_MAX_OPERATIONS: Final = 300
"""Operations with separate counters; all others share one."""
_OTHER_OPERATIONS: Final = ("others", "others")


class RouteCounts:
    """Requests of one route."""

    __slots__ = ("durations", "statuses")

    def __init__(self) -> None:
        self.statuses: defaultdict[int, int] = defaultdict(int)
        """Requests by status of the response; 0 for requests without one."""
        self.durations = Histogram()

    def record_response(self, status: int, seconds: float) -> None:
        """Counts a response, or a request without one (status 0)."""
        self.record_responses(status, (seconds,))

    def record_responses(self, status: int, durations: Sequence[float]) -> None:
        """Counts responses with one status, as `record_response`; `durations` are their seconds."""
        self.statuses[status] += len(durations)
        self.durations.add_all(durations)


class RequestCounts:
    """Requests by route and status."""

    def __init__(self) -> None:
        self.in_flight = 0
        """Running requests: the code that serves them adds and subtracts."""
        self.routes: defaultdict[str, RouteCounts] = defaultdict(RouteCounts)
        """By routes of the hub, never by a path that a caller wrote."""

    def collect(self, numbers: MetricValues) -> None:
        """Adds the counters and gauges."""
        numbers.set_value("simpul_http_requests_in_flight", self.in_flight)
        for route, counted in self.routes.items():
            for status, count in counted.statuses.items():
                numbers.set_value("simpul_http_requests_total", count, route, str(status) if status else "none")
            if counted.statuses:
                numbers.set_histogram("simpul_http_request_duration_seconds", counted.durations, route)


class _OperationCount:
    """The counters of one operation."""

    __slots__ = ("durations", "outcomes", "points")

    def __init__(self) -> None:
        self.outcomes: defaultdict[str, int] = defaultdict(int)
        self.durations = Histogram()
        self.points = 0


class OperationCounts:
    """Operations by client and name; the engine's `OperationMeter`."""

    def __init__(self) -> None:
        self._operations: dict[tuple[str, str], _OperationCount] = {}
        self._shared: defaultdict[str, int] = defaultdict(int)

    def record_runs(self, names: tuple[str, str], outcome: str, points: int, durations: Sequence[float]) -> None:
        """Counts an operation, by client and name, once for each duration in seconds."""
        counted = self._operations.get(names)
        if counted is None:
            if len(self._operations) >= _MAX_OPERATIONS:
                names = _OTHER_OPERATIONS
            counted = self._operations.setdefault(names, _OperationCount())
        counted.outcomes[outcome] += len(durations)
        counted.points += points * len(durations)
        counted.durations.add_all(durations)

    def record_shared(self, origin: str, count: int) -> None:
        """Counts operations that got the answer of another."""
        self._shared[origin] += count

    def collect(self, numbers: MetricValues) -> None:
        """Adds the counters."""
        for origin, count in self._shared.items():
            numbers.set_value("simpul_operations_shared_total", count, origin)
        for names, counted in self._operations.items():
            for ended, count in counted.outcomes.items():
                numbers.set_value("simpul_operations_total", count, *names, ended)
            numbers.set_value("simpul_operation_points_total", counted.points, *names)
            numbers.set_histogram("simpul_operation_duration_seconds", counted.durations, *names)
