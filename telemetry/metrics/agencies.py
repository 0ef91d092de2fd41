"""What is told of agencies: out of what their gates, requests and kept answers counted."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, Protocol

from telemetry.metrics.minutes import Totals
from telemetry.metrics.numbers import Numbers, Ranges

CODES: Final = ("AGENCY_UNAVAILABLE", "AGENCY_TIMEOUT", "AGENCY_REFUSED", "AGENCY_MALFORMED")
"""Failures that are told from the start, at 0: a series that begins with 1 has no increase."""
REASONS: Final = ("closed", "breaker", "asked_to_wait", "quota", "bulkhead", "no_turn", "no_place", "no_time")
"""Why a call is not made; told from the start, too."""
_STATES: Final = ("closed", "half-open", "open")


class Counts(Protocol):
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
    def durations(self) -> Ranges:
        """Seconds of attempts."""

    @property
    def answered_at(self) -> float | None:
        """When the agency last answered, on the clock of `time.monotonic`."""


class Gate(Protocol):
    """One agency's gate."""

    @property
    def counts(self) -> Counts:
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


class Reads(Protocol):
    """What requests wanted of an agency."""

    @property
    def keys(self) -> Ranges:
        """Keys of each batch."""

    @property
    def once(self) -> int:
        """Keys wanted for the first time in a request."""

    @property
    def again(self) -> int:
        """Keys wanted again."""


class Hits(Protocol):
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
    def ages(self) -> Ranges:
        """How old those were."""


class AgencyNumbers:
    """Tells about every agency that has a gate."""

    def __init__(
        self, gates: Mapping[str, Gate], *, reads: Mapping[str, Reads], hits: Mapping[str, Hits] | None
    ) -> None:
        """Take where things are counted; `hits` is None where nothing is kept."""
        self._gates = gates
        self._reads = reads
        self._hits = hits

    @property
    def names(self) -> Sequence[str]:
        """The agencies."""
        return tuple(self._gates)

    def tell(self, numbers: Numbers) -> None:
        """What was counted, and how things are."""
        for agency, gate in self._gates.items():
            _counted(numbers, agency, gate.counts)
            _as_it_is(numbers, agency, gate)
            if (reads := self._reads.get(agency)) is not None:
                numbers.spread("simpul_agency_batch_keys", reads.keys, agency)
                _looked(numbers, agency, "request", reads.again, reads.once)
            if self._hits is not None and (hits := self._hits.get(agency)) is not None:
                _kept(numbers, agency, hits)

    def totals(self) -> Mapping[str, Totals]:
        """By agency, what its last hour is made of."""
        found = {}
        for agency, gate in self._gates.items():
            counts = gate.counts
            hits = None if self._hits is None else self._hits.get(agency)
            found[agency] = Totals(
                answered=counts.answered,
                failed=sum(counts.failed.values()),
                hits=0 if hits is None else hits.process + hits.shared,
                looked=0 if hits is None else hits.process + hits.process_missed,
                stale=0 if hits is None else hits.failing,
                durations=tuple(counts.durations.counts),
            )
        return found


def _counted(numbers: Numbers, agency: str, counts: Counts) -> None:
    numbers.put("simpul_agency_calls_total", counts.attempts, agency)
    numbers.put("simpul_agency_answers_total", counts.answered, agency)
    numbers.put("simpul_agency_mismatches_total", counts.mismatches, agency)
    numbers.put("simpul_agency_retries_total", counts.retries, agency)
    numbers.put("simpul_agency_hedges_total", counts.hedges, agency)
    numbers.put("simpul_agency_hedges_won_total", counts.hedges_won, agency)
    for code, count in {**dict.fromkeys(CODES, 0), **counts.failed}.items():
        numbers.put("simpul_agency_failures_total", count, agency, code)
    for reason, count in {**dict.fromkeys(REASONS, 0), **counts.refused}.items():
        numbers.put("simpul_agency_refused_total", count, agency, reason)
    numbers.spread("simpul_agency_call_duration_seconds", counts.durations, agency)
    if counts.answered_at is not None:
        moment = time.time() - (time.monotonic() - counts.answered_at)
        numbers.put("simpul_agency_last_answer_timestamp_seconds", moment, agency)


def _as_it_is(numbers: Numbers, agency: str, gate: Gate) -> None:
    numbers.put("simpul_agency_calls_in_flight", gate.in_flight, agency)
    numbers.put("simpul_agency_calls_waiting", gate.waiting, agency)
    numbers.put("simpul_agency_closed", gate.is_closed, agency)
    if (breaker := gate.breaker_state) is not None:
        numbers.put("simpul_agency_breaker_opened_total", gate.breaker_opened, agency)
        for state in _STATES:
            numbers.put("simpul_agency_breaker_state", state == breaker.value, agency, state)
    if gate.quota is not None and gate.quota_left is not None:
        numbers.put("simpul_agency_quota", gate.quota, agency)
        numbers.put("simpul_agency_quota_left", gate.quota_left, agency)


def _kept(numbers: Numbers, agency: str, hits: Hits) -> None:
    _looked(numbers, agency, "process", hits.process, hits.process_missed)
    _looked(numbers, agency, "shared", hits.shared, hits.shared_missed)
    numbers.put("simpul_kept_joined_total", hits.joined, agency)
    numbers.put("simpul_kept_stale_total", hits.revalidating, agency, "revalidating")
    numbers.put("simpul_kept_stale_total", hits.failing, agency, "failing")
    numbers.spread("simpul_kept_stale_age_seconds", hits.ages, agency)


def _looked(numbers: Numbers, agency: str, tier: str, hits: int, misses: int) -> None:
    numbers.put("simpul_kept_lookups_total", hits, agency, tier, "hit")
    numbers.put("simpul_kept_lookups_total", misses, agency, tier, "miss")
