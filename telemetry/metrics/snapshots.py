"""Metrics of snapshots: the date of their data, and whether the last load failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from telemetry.metrics.metric_values import MetricValues


class MeasuredSnapshot(Protocol):
    """The state of a snapshot, as one process sees it."""

    @property
    def agency(self) -> str:
        """The code of the agency."""

    @property
    def name(self) -> str:
        """Its name in the manifest."""

    @property
    def data_timestamp(self) -> float:
        """The date of the data, in seconds since 1970; 0 without data."""

    @property
    def max_age(self) -> float:
        """Seconds after which the data is overdue."""

    @property
    def rows(self) -> int:
        """Records."""

    @property
    def left_out(self) -> int:
        """Rows that could not be read."""

    @property
    def has_failed(self) -> bool:
        """Whether the last load failed."""


class SnapshotMetrics:
    """Metrics of every snapshot."""

    def __init__(self, get_snapshots: Callable[[], Sequence[MeasuredSnapshot]]) -> None:
        """`get_snapshots` returns their current state."""
        self._get_snapshots = get_snapshots

    def collect(self, numbers: MetricValues) -> None:
        """Adds the gauges."""
        for each in self._get_snapshots():
            for name, value in (
                ("data_timestamp_seconds", each.data_timestamp),
                ("max_age_seconds", each.max_age),
                ("rows", each.rows),
                ("rows_left_out", each.left_out),
                ("failing", each.has_failed),
            ):
                numbers.set_value(f"simpul_snapshot_{name}", float(value), each.agency, each.name)
