"""How often values fell into which range: counted at the cost of one search, and added up over processes."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
"""Ranges for how long something took."""
KEY_COUNTS: Final = (1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0)
"""Ranges for how many keys were asked for at once."""
AGES: Final = (60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 24 * 3600.0, 72 * 3600.0)
"""Ranges for how old an answer was, in seconds."""


class Histogram:
    """Counts values by range. Only ever grows; used from one thread."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        """`bounds` are the upper ends of the ranges, which belong to them; above the last is one range more."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """Values of each range."""
        self.total = 0.0
        """The values together."""

    def add(self, value: float) -> None:
        """One more value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self.counts)

    def __repr__(self) -> str:
        """How many, and what they come to."""
        return f"<Histogram n={self.count} total={self.total:g}>"
