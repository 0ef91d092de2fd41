"""Histograms with fixed buckets: one binary search for each value, and counts that add up across processes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
"""Buckets for durations, in seconds."""
KEY_COUNTS: Final = (1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0)
"""Buckets for the number of keys in one batch."""
AGES: Final = (60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 24 * 3600.0, 72 * 3600.0)
"""Buckets for the age of an answer, in seconds."""


class Histogram:
    """Counts values in buckets. Counts only grow; for use in one thread."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        """`bounds` are the inclusive upper bounds of the buckets; one more bucket follows the last bound."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """The number of values in each bucket."""
        self.total = 0.0
        """The sum of the values."""

    def add(self, value: float) -> None:
        """Counts one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def add_all(self, values: Sequence[float]) -> None:
        """Counts several values."""
        bounds, counts = self.bounds, self.counts
        for each in values:
            counts[bisect_left(bounds, each)] += 1
        self.total += sum(values)

    @property
    def count(self) -> int:
        """The number of values."""
        return sum(self.counts)

    def __repr__(self) -> str:
        """The number of values and their sum."""
        return f"<Histogram n={self.count} total={self.total:g}>"
