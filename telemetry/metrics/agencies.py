"""Metrics of agencies: from the counters of their gates, requests and cache."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Final, Protocol

from telemetry.metrics.metric_values import MetricValues, ReadableHistogram
from telemetry.metrics.minutes import AgencyTotals

FAILURE_CODES: Final = (
    "AGENCY_UNAVAILABLE",
    "AGENCY_TIMEOUT",
    "AGENCY_REFUSED",
    "AGENCY_CLOCK_SKEW",
    "AGENCY_MALFORMED",
)
"""Failure codes that exist from the start, at 0: a series that begins with 1 shows no increase."""
REFUSAL_REASONS: Final = (
    "closed",
    "breaker",
    "asked_to_wait",
    "quota",
    "bulkhead",
    "rate_timeout",
    "queue_timeout",
    "deadline_passed",
)
"""Reasons for not making a call; they exist from the start, too."""
_BREAKER_STATES: Final = ("closed", "half-open", "open")


class MeasuredCalls(Protocol):
    """The counters of a gate."""

    @property
    def attempts(self) -> int:
        """Requests and statements sent."""

    @property
    def answered(self) -> int:
        """Calls with an answer of the agency."""

    @property
    def failed(self) -> Mapping[str, int]:
        """Calls that ended in a failure, by code."""

    @property
    def refused(self) -> Mapping[str, int]:
        """Calls that were not made, by reason."""

    @property
    def mismatches(self) -> int:
        """Replies with rows that were not requested."""

    @property
    def retries(self) -> int:
        """Repeated attempts."""

    @property
    def hedges(self) -> int:
        """Second attempts during the first."""

    @property
    def hedges_won(self) -> int:
        """Hedges that answered first."""

    @property
    def durations(self) -> ReadableHistogram:
        """Durations of attempts, in seconds."""

    @property
    def answered_at(self) -> float | None:
        """When the agency last answered, on the clock of `time.monotonic`."""


class MeasuredGate(Protocol):
    """The gate of one agency."""

    @property
    def counts(self) -> MeasuredCalls:
        """The counters since the start."""

    @property
    def breaker_state(self) -> Enum | None:
        """Whether calls pass; None without a breaker."""

    @property
    def breaker_opened(self) -> int:
        """How often the breaker opened."""

    @property
    def in_flight(self) -> int:
        """Running calls."""

    @property
    def waiting(self) -> int:
        """Waiting calls."""

    @property
    def is_closed(self) -> bool:
        """Whether the agency is closed at this hour."""

    @property
    def quota(self) -> int | None:
        """Agreed calls per day; None without a quota."""

    @property
    def quota_left(self) -> int | None:
        """Calls left today."""


class MeasuredReads(Protocol):
    """The reads of an agency's data by requests."""

    @property
    def keys(self) -> ReadableHistogram:
        """Keys per batch."""

    @property
    def first_requests(self) -> int:
        """Keys read for the first time in a request."""

    @property
    def repeated_requests(self) -> int:
        """Keys read again."""


class MeasuredCache(Protocol):
    """The cache counters of an agency's answers."""

    @property
    def process(self) -> int:
        """Found in this process."""

    @property
    def process_missed(self) -> int:
        """Not found in this process."""

    @property
    def shared(self) -> int:
        """Found in the shared tier."""

    @property
    def shared_missed(self) -> int:
        """Not found in the shared tier."""

    @property
    def joined(self) -> int:
        """Already being fetched."""

    @property
    def revalidating(self) -> int:
        """Served stale during a refresh."""

    @property
    def failing(self) -> int:
        """Served stale in place of a failure."""

    @property
    def ages(self) -> ReadableHistogram:
        """The age of those, in seconds."""


class AgencyMetrics:
    """Metrics of every agency that has a gate."""

    def __init__(
        self,
        gates: Mapping[str, MeasuredGate],
        *,
        reads: Mapping[str, MeasuredReads],
        cache: Mapping[str, MeasuredCache],
        get_expiries: Callable[[], Mapping[str, Mapping[str, float]]],
    ) -> None:
        """Takes the counters by agency; `cache` is empty without a cache.

        `get_expiries` returns when the parts of each agency's credential expire, in seconds since 1970.
        """
        self._gates = gates
        self._reads = reads
        self._hits = cache
        self._get_expiries = get_expiries

    @property
    def names(self) -> Sequence[str]:
        """The agencies."""
        return tuple(self._gates)

    def collect(self, numbers: MetricValues) -> None:
        """Adds the counters and gauges."""
        for agency, gate in self._gates.items():
            _collect_counters(numbers, agency, gate.counts)
            _collect_gauges(numbers, agency, gate)
            if (reads := self._reads.get(agency)) is not None:
                numbers.set_histogram("simpul_agency_batch_keys", reads.keys, agency)
                _collect_lookups(numbers, agency, "request", reads.repeated_requests, reads.first_requests)
            if (hits := self._hits.get(agency)) is not None:
                _collect_cache(numbers, agency, hits)

        for agency, expiries in self._get_expiries().items():
            for part, moment in expiries.items():
                numbers.set_value("simpul_agency_credential_expiry_timestamp_seconds", moment, agency, part)

    def get_totals(self) -> Mapping[str, AgencyTotals]:
        """Returns the totals of each agency, for its last hour."""
        found = {}
        for agency, gate in self._gates.items():
            counts = gate.counts
            hits = self._hits.get(agency)
            found[agency] = AgencyTotals(
                answered=counts.answered,
                failed=sum(counts.failed.values()),
                hits=0 if hits is None else hits.process + hits.shared,
                looked=0 if hits is None else hits.process + hits.process_missed,
                stale=0 if hits is None else hits.failing,
                durations=tuple(counts.durations.counts),
            )
        return found


def _collect_counters(numbers: MetricValues, agency: str, counts: MeasuredCalls) -> None:
    numbers.set_value("simpul_agency_calls_total", counts.attempts, agency)
    numbers.set_value("simpul_agency_answers_total", counts.answered, agency)
    numbers.set_value("simpul_agency_mismatches_total", counts.mismatches, agency)
    numbers.set_value("simpul_agency_retries_total", counts.retries, agency)
    numbers.set_value("simpul_agency_hedges_total", counts.hedges, agency)
    numbers.set_value("simpul_agency_hedges_won_total", counts.hedges_won, agency)
    for code, count in {**dict.fromkeys(FAILURE_CODES, 0), **counts.failed}.items():
        numbers.set_value("simpul_agency_failures_total", count, agency, code)
    for reason, count in {**dict.fromkeys(REFUSAL_REASONS, 0), **counts.refused}.items():
        numbers.set_value("simpul_agency_refused_total", count, agency, reason)
    numbers.set_histogram("simpul_agency_call_duration_seconds", counts.durations, agency)
    if counts.answered_at is not None:
        moment = time.time() - (time.monotonic() - counts.answered_at)
        numbers.set_value("simpul_agency_last_answer_timestamp_seconds", moment, agency)


def _collect_gauges(numbers: MetricValues, agency: str, gate: MeasuredGate) -> None:
    numbers.set_value("simpul_agency_calls_in_flight", gate.in_flight, agency)
    numbers.set_value("simpul_agency_calls_waiting", gate.waiting, agency)
    numbers.set_value("simpul_agency_closed", gate.is_closed, agency)
    if (breaker := gate.breaker_state) is not None:
        numbers.set_value("simpul_agency_breaker_opened_total", gate.breaker_opened, agency)
        for state in _BREAKER_STATES:
            numbers.set_value("simpul_agency_breaker_state", state == breaker.value, agency, state)
    if gate.quota is not None and gate.quota_left is not None:
        numbers.set_value("simpul_agency_quota", gate.quota, agency)
        numbers.set_value("simpul_agency_quota_left", gate.quota_left, agency)


def _collect_cache(numbers: MetricValues, agency: str, hits: MeasuredCache) -> None:
    _collect_lookups(numbers, agency, "process", hits.process, hits.process_missed)
    _collect_lookups(numbers, agency, "shared", hits.shared, hits.shared_missed)
    numbers.set_value("simpul_cache_joined_total", hits.joined, agency)
    numbers.set_value("simpul_cache_stale_total", hits.revalidating, agency, "revalidating")
    numbers.set_value("simpul_cache_stale_total", hits.failing, agency, "failing")
    numbers.set_histogram("simpul_cache_stale_age_seconds", hits.ages, agency)


def _collect_lookups(numbers: MetricValues, agency: str, tier: str, hits: int, misses: int) -> None:
    numbers.set_value("simpul_cache_lookups_total", hits, agency, tier, "hit")
    numbers.set_value("simpul_cache_lookups_total", misses, agency, tier, "miss")
