"""How long an answer may be used: the strictest lifetime of all batch calls it is built of, and its stale parts."""

from __future__ import annotations

from collections.abc import Hashable
from math import inf
from time import monotonic
from typing import Any

from engine.batch import Batch, Facet
from records.calls.freshness import AnswerLifetime, Freshness, ReadLifetimes, Staleness

BatchFacet = tuple[Batch[Any, Any], Facet]
_NOT_REUSABLE = ReadLifetimes(fresh=0.0)
"""For answers that are for one use."""


class AnswerFreshness:
    """Records the freshness of the reads of one answer (`engine.batch.FreshnessRecorder`)."""

    # Defaults of the class, because the smallest requests record nothing and then set nothing.
    _oldest_at: float = inf
    """When the oldest answer was fetched, on the clock of `time.monotonic`."""
    _fresh_until: float = inf
    """Until when all answers are fresh, on the same clock."""
    _revalidating: float = inf
    _failing: float = inf

    def __init__(self) -> None:
        """Starts without reads."""
        self.stale_answers: dict[BatchFacet, dict[Hashable, Staleness]] = {}
        """Stale answers by key."""

    def record_stale(self, batch: Batch[Any, Any], key: Hashable, facet: Facet, staleness: Staleness) -> None:
        """Record a stale answer; of several agencies, the oldest."""
        recorded = self.stale_answers.setdefault((batch, facet), {})
        before = recorded.get(key)
        recorded[key] = staleness if before is None or staleness.as_of < before.as_of else before

    def record_lifetime(self, freshness: Freshness | None, age: float, fresh: float) -> None:
        """Record a call: the age of its oldest answer, and how long all its answers remain fresh, in seconds."""
        lifetimes = freshness or _NOT_REUSABLE
        now = monotonic()
        self._oldest_at = min(self._oldest_at, now - age)
        self._fresh_until = min(self._fresh_until, now + fresh)
        self._revalidating = min(self._revalidating, lifetimes.stale_while_revalidate)
        self._failing = min(self._failing, lifetimes.stale_if_error)

    def get_lifetime(self) -> AnswerLifetime:
        """How long an answer that is built of all recorded calls may be used from now on."""
        if self._fresh_until == inf:
            return FRESH_FOREVER
        now = monotonic()
        return AnswerLifetime(
            now - self._oldest_at, max(self._fresh_until - now, 0.0), self._revalidating, self._failing
        )

    def __repr__(self) -> str:
        """The lifetime, and the number of stale answers."""
        return f"<AnswerFreshness {self.get_lifetime()}, {sum(map(len, self.stale_answers.values()))} stale>"


FRESH_FOREVER = AnswerLifetime(age=0.0, fresh=inf, stale_while_revalidate=inf, stale_if_error=inf)
"""The lifetime of answers that the hub itself knows and that never change while it runs."""
