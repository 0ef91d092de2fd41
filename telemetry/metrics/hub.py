"""Metrics of the hub itself: answer cache, Redis, access ledger, issuers, load shedding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from telemetry.metrics.metric_values import MetricValues, ReadableHistogram


class MeasuredStore(Protocol):
    """The answers cached in this process."""

    @property
    def used_bytes(self) -> int:
        """Their size in bytes."""

    @property
    def count(self) -> int:
        """Their number."""


class MeasuredLedger(Protocol):
    """The writer of the access ledger."""

    @property
    def commits(self) -> int:
        """Transactions with entries."""

    @property
    def failed_requests(self) -> int:
        """Requests whose entries were not committed."""

    @property
    def waiting(self) -> int:
        """Entries that wait for their commit."""

    @property
    def durations(self) -> ReadableHistogram:
        """Seconds that requests waited."""


class MeasuredLoad(Protocol):
    """The load of a process."""

    @property
    def limit(self) -> float | None:
        """The admission limit in requests per second; None while all are admitted."""

    @property
    def refused(self) -> Mapping[Any, int]:
        """Refused requests by urgency; each urgency has a `word` as its label."""


class MeasuredShedder(Protocol):
    """The load shedder: refuses requests early when the hub is overloaded."""

    @property
    def load(self) -> MeasuredLoad:
        """The current load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubMetrics:
    """Metrics of the hub; a part that is None does not exist in this process."""

    cache: MeasuredStore | None = None
    ledger: MeasuredLedger | None = None
    load_shedder: MeasuredShedder | None = None
    get_redis_states: Callable[[], Mapping[str, bool]] = dict
    """By use of Redis: whether Redis is available to this process. Empty if Redis is not configured."""
    get_issuer_states: Callable[[], Mapping[str, Enum]] = dict
    """The state of the keys, by issuer with keys from the network."""
    issuer_states: Sequence[str] = ()
    """The possible states of an issuer's keys."""

    def collect(self, numbers: MetricValues) -> None:
        """Adds the counters and gauges."""
        if self.cache is not None:
            numbers.set_value("simpul_cache_bytes", self.cache.used_bytes)
            numbers.set_value("simpul_cache_entries", self.cache.count)
        if self.ledger is not None:
            numbers.set_value("simpul_ledger_commits_total", self.ledger.commits)
            numbers.set_value("simpul_ledger_failures_total", self.ledger.failed_requests)
            numbers.set_value("simpul_ledger_waiting_entries", self.ledger.waiting)
            numbers.set_histogram("simpul_ledger_wait_seconds", self.ledger.durations)
        if self.load_shedder is not None:
            load = self.load_shedder.load
            numbers.set_value("simpul_shedding_workers", load.limit is not None)
            for urgency, count in load.refused.items():
                numbers.set_value("simpul_shed_requests_total", count, urgency.word)
            if load.limit is not None:
                numbers.set_value("simpul_shed_limit_requests_per_second", load.limit)
        for use, is_there in self.get_redis_states().items():
            numbers.set_value("simpul_redis_up", is_there, use)
        for issuer, state in self.get_issuer_states().items():
            for each in self.issuer_states:
                numbers.set_value("simpul_issuer_keys", each == state.value, issuer, each)
