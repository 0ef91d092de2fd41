"""The numbers of one process at one moment, and what those of several come to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from telemetry.metrics.families import BY_NAME, Aggregation, MetricFamily, MetricKind
from telemetry.metrics.minutes import AgencyMinute, merge_minutes

Labels = tuple[str, ...]
"""The values of a family's labels, in its order."""


class ReadableHistogram(Protocol):
    """A histogram as those see it who read it."""

    @property
    def bounds(self) -> tuple[float, ...]:
        """Upper ends of its ranges."""

    @property
    def counts(self) -> Sequence[int]:
        """Values of each range, and above the last."""

    @property
    def total(self) -> float:
        """The values together."""


class HistogramValue(msgspec.Struct, array_like=True, frozen=True):
    """A histogram at one moment."""

    bounds: tuple[float, ...]
    counts: list[int]
    total: float

    def __post_init__(self) -> None:
        """Raises ValueError where it is no histogram, as in a file that no hub wrote."""
        if len(self.counts) != len(self.bounds) + 1:
            raise ValueError(f"A histogram of {len(self.bounds)} bounds has {len(self.counts)} counts.")

    def merge(self, other: HistogramValue) -> HistogramValue:
        """Both together; of two that are cut otherwise, as two versions of the hub may, this one alone."""
        if self.bounds != other.bounds:
            return self
        counts = [mine + yours for mine, yours in zip(self.counts, other.counts, strict=True)]
        return HistogramValue(self.bounds, counts, self.total + other.total)


class MetricValues(msgspec.Struct):
    """Numbers by family and labels, and the last hour of each agency."""

    values: dict[str, dict[Labels, float]] = msgspec.field(default_factory=dict)
    spreads: dict[str, dict[Labels, HistogramValue]] = msgspec.field(default_factory=dict)
    minutes: list[AgencyMinute] = msgspec.field(default_factory=list)

    def set_value(self, name: str, value: float, *labels: str) -> None:
        """One number."""
        self.values.setdefault(name, {})[labels] = float(value)

    def set_histogram(self, name: str, ranges: ReadableHistogram, *labels: str) -> None:
        """One histogram, as it is now."""
        self.spreads.setdefault(name, {})[labels] = HistogramValue(ranges.bounds, list(ranges.counts), ranges.total)

    def get_value(self, name: str, *labels: str) -> float | None:
        """A number; None where there is none."""
        return self.values.get(name, {}).get(labels)


def merge_values(living: Iterable[MetricValues], ended: Iterable[MetricValues] = ()) -> MetricValues:
    """What the numbers of several processes come to. Of those that ended, only what was counted counts."""
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
        if len(labels) != len(family.labels):  # another version of the hub labelled it otherwise
            continue
        known = into.get(labels)
        if known is None:
            into[labels] = value
        elif family.aggregation is Aggregation.SUM:
            into[labels] = known + value
        else:
            into[labels] = min(known, value) if family.aggregation is Aggregation.MIN else max(known, value)
