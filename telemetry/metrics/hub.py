"""What is told of the hub itself: kept answers, Redis, the access ledger, issuers, load shedding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from telemetry.metrics.numbers import Numbers, Ranges


class Kept(Protocol):
    """The answers that this process keeps."""

    @property
    def used(self) -> int:
        """Bytes they take."""

    @property
    def count(self) -> int:
        """How many."""


class Ledger(Protocol):
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
    def durations(self) -> Ranges:
        """Seconds that requests waited."""


class Load(Protocol):
    """How much a process is asked for."""

    @property
    def limit(self) -> float | None:
        """Requests a second that are let in; None while all are."""

    @property
    def refused(self) -> Mapping[Any, int]:
        """Requests turned away, by urgency: each has a `word` that it is called by."""


class Shedding(Protocol):
    """Who refuses requests early, past what the hub can do."""

    @property
    def load(self) -> Load:
        """How much it is asked for at the moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubNumbers:
    """Tells about the hub; what is None does not exist here."""

    kept: Kept | None = None
    ledger: Ledger | None = None
    shedding: Shedding | None = None
    redis: Callable[[], Mapping[str, bool]] = dict
    """By what Redis is for: whether this process has it. Nothing where it is not meant to."""
    issuers: Callable[[], Mapping[str, Enum]] = dict
    """By issuer whose keys come over the network: how they are."""
    states: Sequence[str] = ()
    """The states that an issuer's keys can be in."""

    def tell(self, numbers: Numbers) -> None:
        """What was counted, and how things are."""
        if self.kept is not None:
            numbers.put("simpul_kept_bytes", self.kept.used)
            numbers.put("simpul_kept_answers", self.kept.count)
        if self.ledger is not None:
            numbers.put("simpul_ledger_commits_total", self.ledger.commits)
            numbers.put("simpul_ledger_failures_total", self.ledger.failed)
            numbers.put("simpul_ledger_waiting_entries", self.ledger.waiting)
            numbers.spread("simpul_ledger_wait_seconds", self.ledger.durations)
        if self.shedding is not None:
            load = self.shedding.load
            numbers.put("simpul_shedding_workers", load.limit is not None)
            for urgency, count in load.refused.items():
                numbers.put("simpul_shed_requests_total", count, urgency.word)
            if load.limit is not None:
                numbers.put("simpul_shed_limit_requests_per_second", load.limit)
        for use, is_there in self.redis().items():
            numbers.put("simpul_redis_up", is_there, use)
        for issuer, state in self.issuers().items():
            for each in self.states:
                numbers.put("simpul_issuer_keys", each == state.value, issuer, each)
