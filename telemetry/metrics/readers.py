"""Metrics of readers: the number of people they read, and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from telemetry.metrics.metric_values import MetricValues


class MeasuredReading(Protocol):
    """The charges of the readers of one kind."""

    @property
    def charged(self) -> int:
        """Different people, each once an hour for each reader."""

    @property
    def refused(self) -> int:
        """Refusals of people beyond the budget."""


@dataclass(frozen=True, slots=True)
class ReaderMetrics:
    """Metrics of readers."""

    people: Mapping[Any, MeasuredReading]
    """By kind of caller, an enum with label values."""
    refusals: Mapping[str, int]
    """By reason."""

    def collect(self, numbers: MetricValues) -> None:
        """Adds the counters."""
        for kind, read in self.people.items():
            numbers.set_value("simpul_people_read_total", read.charged, kind.value)
            numbers.set_value("simpul_reader_budget_refusals_total", read.refused, kind.value)
        for reason, count in self.refusals.items():
            numbers.set_value("simpul_refusals_total", count, reason)
