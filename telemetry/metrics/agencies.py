"""What is told of agencies: out of what their gates, requests and kept answers counted."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, Protocol

from telemetry.metrics.metric_values import MetricValues, ReadableHistogram
from telemetry.metrics.minutes import AgencyTotals

FAILURE_CODES: Final = ("AGENCY_UNAVAILABLE", "AGENCY_TIMEOUT", "AGENCY_REFUSED", "AGENCY_MALFORMED")
"""Failures that are told from the start, at 0: a series that begins with 1 has no increase."""
REFUSAL_REASONS: Final = ("closed", "breaker", "asked_to_wait", "quota", "bulkhead", "no_turn", "no_place", "no_time")
"""Why a call is not made; told from the start, too."""
_BREAKER_STATES: Final = ("closed", "half-open", "open")


class MeasuredCalls(Protocol):
    """What a gate counts."""

    @property
    def attempts(self) -> int:
        """Requests and statements sent."""

    @property
    def answered(self) -> int:
        """Calls that came back with an answer."""

    @property
    def failed(self) -> Mapping[str, int]:
        """Calls that ended in a failure, by its code."""

    @property
    def refused(self) -> Mapping[str, int]:
        """Calls that were not made, by why."""

    @property
    def mismatches(self) -> int:
        """Replies about something else than was asked."""

    @property
    def retries(self) -> int:
        """Attempts made again."""

    @property
    def hedges(self) -> int:
        """Second attempts while the first was under way."""

    @property
    def hedges_won(self) -> int:
        """Those of them that answered first."""

    @property
    def durations(self) -> ReadableHistogram:
        """Seconds of attempts."""

    @property
    def answered_at(self) -> float | None:
        """When the agency last answered, on the clock of `time.monotonic`."""


class MeasuredGate(Protocol):
    """One agency's gate."""

    @property
    def counts(self) -> MeasuredCalls:
        """What happened so far."""

    @property
    def breaker_state(self) -> Enum | None:
        """Whether calls pass; None where there is no breaker."""

    @property
    def breaker_opened(self) -> int:
        """How often the breaker opened."""

    @property
    def in_flight(self) -> int:
        """Calls under way."""

    @property
    def waiting(self) -> int:
        """Calls that wait."""

    @property
    def is_closed(self) -> bool:
        """Whether the agency is closed at this hour."""

    @property
    def quota(self) -> int | None:
        """Calls of a whole day."""

    @property
    def quota_left(self) -> int | None:
        """Calls left of the day."""


class MeasuredReads(Protocol):
    """What requests wanted of an agency."""

    @property
    def keys(self) -> ReadableHistogram:
        """Keys of each batch."""

    @property
    def first_requests(self) -> int:
        """Keys wanted for the first time in a request."""

    @property
    def repeated_requests(self) -> int:
        """Keys wanted again."""


class MeasuredCache(Protocol):
    """What was found kept of an agency's answers."""

    @property
    def process(self) -> int:
        """Found in this process."""

    @property
    def process_missed(self) -> int:
        """Not found there."""

    @property
    def shared(self) -> int:
        """Found where all processes keep answers."""

    @property
    def shared_missed(self) -> int:
        """Not found there."""

    @property
    def joined(self) -> int:
        """Being fetched already."""

    @property
    def revalidating(self) -> int:
        """Given while asked for anew."""

    @property
    def failing(self) -> int:
        """Given in place of a failure."""

    @property
    def ages(self) -> ReadableHistogram:
        """How old those were."""


class AgencyMetrics:
    """Tells about every agency that has a gate."""

    def __init__(
        self,
        gates: Mapping[str, MeasuredGate],
        *,
        reads: Mapping[str, MeasuredReads],
        cache: Mapping[str, MeasuredCache],
    ) -> None:
        """Take where things are counted; `cache` is empty where nothing is cached."""
        self._gates = gates
        self._reads = reads
        self._hits = cache

    @property
    def names(self) -> Sequence[str]:
        """The agencies."""
        return tuple(self._gates)

    def collect(self, numbers: MetricValues) -> None:
        """What was counted, and how things are."""
        for agency, gate in self._gates.items():
            _collect_counters(numbers, agency, gate.counts)
            _collect_gauges(numbers, agency, gate)
            if (reads := self._reads.get(agency)) is not None:
                numbers.set_histogram("simpul_agency_batch_keys", reads.keys, agency)
                _collect_lookups(numbers, agency, "request", reads.repeated_requests, reads.first_requests)
            if (hits := self._hits.get(agency)) is not None:
                _collect_cache(numbers, agency, hits)

    def get_totals(self) -> Mapping[str, AgencyTotals]:
        """By agency, what its last hour is made of."""
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
