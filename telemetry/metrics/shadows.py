"""Metrics of agencies of stage `shadow`: how their answers compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from telemetry.metrics.metric_values import MetricValues


class MeasuredShadow(Protocol):
    """What was compared of one shadow."""

    @property
    def answers(self) -> Mapping[tuple[str, str], int]:
        """Keys by read and outcome."""

    @property
    def fields(self) -> Mapping[tuple[str, str], int]:
        """Differences by read and field."""


class ShadowMetrics:
    """Metrics of every shadow."""

    def __init__(self, shadows: Mapping[str, MeasuredShadow]) -> None:
        """`shadows` are by the code of the agency."""
        self._shadows = shadows

    def collect(self, numbers: MetricValues) -> None:
        """Adds the counters."""
        for agency, counts in self._shadows.items():
            for (read, outcome), count in counts.answers.items():
                numbers.set_value("simpul_shadow_answers_total", count, agency, read, outcome)
            for (read, name), count in counts.fields.items():
                numbers.set_value("simpul_shadow_differences_total", count, agency, read, name)
