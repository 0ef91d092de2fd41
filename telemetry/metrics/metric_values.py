"""The metric values of one process at one moment, and their merge over processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from telemetry.metrics.families import BY_NAME, Aggregation, MetricFamily, MetricKind
from telemetry.metrics.minutes import AgencyMinute, merge_minutes

Labels = tuple[str, ...]
"""The label values of a family, in its order."""


class ReadableHistogram(Protocol):
    """The reading side of a histogram."""

    @property
    def bounds(self) -> tuple[float, ...]:
        """The upper bounds of its buckets."""

    @property
    def counts(self) -> Sequence[int]:
        """The number of values in each bucket, and above the last bound."""

    @property
    def total(self) -> float:
        """The sum of the values."""


class HistogramValue(msgspec.Struct, array_like=True, frozen=True):
    """A histogram at one moment."""

    bounds: tuple[float, ...]
    counts: list[int]
    total: float

    def __post_init__(self) -> None:
        """Raises ValueError for inconsistent counts, such as in a foreign file."""
        if len(self.counts) != len(self.bounds) + 1:
            raise ValueError(f"A histogram of {len(self.bounds)} bounds has {len(self.counts)} counts.")

    def merge(self, other: HistogramValue) -> HistogramValue:
        """Adds both. If the buckets differ, as between two versions of the hub, returns this one only."""
        if self.bounds != other.bounds:
            return self
        counts = [mine + yours for mine, yours in zip(self.counts, other.counts, strict=True)]
        return HistogramValue(self.bounds, counts, self.total + other.total)


class MetricValues(msgspec.Struct):
    """Values by family and labels, and the last hour of each agency."""

    values: dict[str, dict[Labels, float]] = msgspec.field(default_factory=dict)
    spreads: dict[str, dict[Labels, HistogramValue]] = msgspec.field(default_factory=dict)
    minutes: list[AgencyMinute] = msgspec.field(default_factory=list)

    def set_value(self, name: str, value: float, *labels: str) -> None:
        """Sets one value."""
        self.values.setdefault(name, {})[labels] = float(value)

    def set_histogram(self, name: str, ranges: ReadableHistogram, *labels: str) -> None:
        """Sets one histogram from its current counts."""
        self.spreads.setdefault(name, {})[labels] = HistogramValue(ranges.bounds, list(ranges.counts), ranges.total)

    def get_all(self, name: str, first: str) -> Mapping[str, float]:
        """The values of a family with two labels whose first is this one, by the second."""
        return {labels[1]: value for labels, value in self.values.get(name, {}).items() if labels[0] == first}

    def get_value(self, name: str, *labels: str) -> float | None:
        """Returns a value; None if it is not set."""
        return self.values.get(name, {}).get(labels)


def merge_values(living: Iterable[MetricValues], ended: Iterable[MetricValues] = ()) -> MetricValues:
    """Merges the values of several processes. Of ended processes, only counters and histograms are included."""
    whole = MetricValues()
    every: list[AgencyMinute] = []
    for numbers, is_living in (*((each, True) for each in living), *((each, False) for each in ended)):
        for name, by_labels in numbers.values.items():
            family = BY_NAME.get(name)
            if family is None or not (is_living or family.kind is MetricKind.COUNTER):
                continue
            _merge_family(whole.values.setdefault(name, {}), by_labels, family)
        for name, spreads in numbers.spreads.items():
            family = BY_NAME.get(name)
            if family is not None:
                into = whole.spreads.setdefault(name, {})
                for labels, spread in spreads.items():
                    if len(labels) == len(family.labels):
                        into[labels] = into[labels].merge(spread) if labels in into else spread
        every += numbers.minutes
    whole.minutes = merge_minutes(every)
    return whole


def _merge_family(into: dict[Labels, float], more: Mapping[Labels, float], family: MetricFamily) -> None:
    for labels, value in more.items():
        if len(labels) != len(family.labels):  # written by another version of the hub with other labels
            continue
        known = into.get(labels)
        if known is None:
            into[labels] = value
        elif family.aggregation is Aggregation.SUM:
            into[labels] = known + value
        else:
            into[labels] = min(known, value) if family.aggregation is Aggregation.MIN else max(known, value)
