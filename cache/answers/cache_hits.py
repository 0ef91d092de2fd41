"""Counters of cache lookups, for metrics."""

from __future__ import annotations

from dataclasses import dataclass, field

from records.histogram import AGES, Histogram


@dataclass(slots=True)
class CacheHits:
    """The results of slot lookups since the start of the process. Counters only grow."""

    process: int = 0
    """Found in this process."""
    process_missed: int = 0
    shared: int = 0
    """Found in the tier that all processes share."""
    shared_missed: int = 0
    joined: int = 0
    """Already being fetched by this process or another, so the lookup waited for that."""
    revalidating: int = 0
    """Served stale during a refresh."""
    failing: int = 0
    """Served stale in place of an agency's failure."""
    ages: Histogram = field(default_factory=lambda: Histogram(AGES))
    """The age in seconds of answers that replaced a failure."""

    def count_shared(self, *, is_first: bool, is_there: bool) -> None:
        """Counts one lookup in the shared tier; an answer of a later poll was fetched by another process."""
        if not is_first:
            self.joined += is_there
        elif is_there:
            self.shared += 1
        else:
            self.shared_missed += 1
