"""How often something was found kept, for metrics."""

from __future__ import annotations

from dataclasses import dataclass, field

from records.histogram import AGES, Histogram


@dataclass(slots=True)
class CacheHits:
    """What became of slots that were asked for, since the start of the process. Only ever grows."""

    process: int = 0
    """Found in this process."""
    process_missed: int = 0
    shared: int = 0
    """Found where all processes keep answers."""
    shared_missed: int = 0
    joined: int = 0
    """Being fetched already, by this process or another: waited for."""
    revalidating: int = 0
    """Given though no longer fresh, while they are asked for anew."""
    failing: int = 0
    """Given though no longer fresh, in place of an agency's failure."""
    ages: Histogram = field(default_factory=lambda: Histogram(AGES))
    """How many seconds old those were that stood in for a failure."""
