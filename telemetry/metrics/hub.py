"""What is told of the hub itself: kept answers, Redis, the access ledger, issuers, load shedding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from telemetry.metrics.metric_values import MetricValues, ReadableHistogram


class MeasuredStore(Protocol):
    """The answers that this process keeps."""

    @property
    def used_bytes(self) -> int:
        """Bytes they take."""

    @property
    def count(self) -> int:
        """How many."""


class MeasuredLedger(Protocol):
    """The access ledger's writer."""

    @property
    def commits(self) -> int:
        """Transactions with entries."""

    @property
    def failed(self) -> int:
        """Requests whose entries were not committed."""

    @property
    def waiting(self) -> int:
        """Entries that wait."""

    @property
    def durations(self) -> ReadableHistogram:
        """Seconds that requests waited."""


class MeasuredLoad(Protocol):
    """How much a process is asked for."""

    @property
    def limit(self) -> float | None:
        """Requests a second that are let in; None while all are."""

    @property
    def refused(self) -> Mapping[Any, int]:
        """Requests turned away, by urgency: each has a `word` that it is called by."""


class MeasuredShedder(Protocol):
    """Who refuses requests early, past what the hub can do."""

    @property
    def load(self) -> MeasuredLoad:
        """How much it is asked for at the moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubMetrics:
    """Tells about the hub; what is None does not exist here."""

    cache: MeasuredStore | None = None
    ledger: MeasuredLedger | None = None
    load_shedder: MeasuredShedder | None = None
    get_redis_states: Callable[[], Mapping[str, bool]] = dict
    """By what Redis is for: whether this process has it. Nothing where it is not meant to."""
    get_issuer_states: Callable[[], Mapping[str, Enum]] = dict
    """By issuer whose keys come over the network: how they are."""
    issuer_states: Sequence[str] = ()
    """The states that an issuer's keys can be in."""

    def collect(self, numbers: MetricValues) -> None:
        """What was counted, and how things are."""
        if self.cache is not None:
            numbers.set_value("simpul_cache_bytes", self.cache.used_bytes)
            numbers.set_value("simpul_cache_entries", self.cache.count)
        if self.ledger is not None:
            numbers.set_value("simpul_ledger_commits_total", self.ledger.commits)
            numbers.set_value("simpul_ledger_failures_total", self.ledger.failed)
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
