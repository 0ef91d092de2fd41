"""How fresh what is read for one answer is: the strictest of all parts, and which of them are no longer fresh.

A part is what one call of a batch gave, however many keys it was for.
"""

from __future__ import annotations

from collections.abc import Hashable
from math import inf
from time import monotonic
from typing import Any

from engine.batch import Batch
from records.calls.freshness import AnswerLifetime, Freshness, Staleness

BatchFacet = tuple[Batch[Any, Any], "type[Any] | None"]
"""A batch, and the facet of its answers that is meant."""
_NOT_REUSABLE = Freshness(fresh=0.0)
"""Of a batch that says nothing: what it answers is for this once."""


class AnswerFreshness:
    """What is known of the reads of one answer (`engine.batch.FreshnessRecorder`)."""

    # Defaults of the class cost nothing where nothing is noted, as in the smallest requests.
    _oldest_at: float = inf
    """When the oldest part was said, on the clock of `time.monotonic`."""
    _fresh_until: float = inf
    """Until when all parts are fresh, on the same clock."""
    _revalidating: float = inf
    _failing: float = inf

    def __init__(self) -> None:
        """Nothing was read yet."""
        self.stale_answers: dict[BatchFacet, dict[Hashable, Staleness]] = {}
        """What is no longer fresh of what was given, by key."""

    def record_stale(
        self, batch: Batch[Any, Any], key: Hashable, facet: type[Any] | None, staleness: Staleness
    ) -> None:
        """Note an answer that is no longer fresh."""
        self.stale_answers.setdefault((batch, facet), {})[key] = staleness

    def record_lifetime(self, batch: Batch[Any, Any], age: float, fresh: float) -> None:
        """Note a part, said so many seconds ago and fresh for so many more."""
        freshness = batch.freshness or _NOT_REUSABLE
        now = monotonic()
        self._oldest_at = min(self._oldest_at, now - age)
        self._fresh_until = min(self._fresh_until, now + fresh)
        self._revalidating = min(self._revalidating, freshness.stale_while_revalidate)
        self._failing = min(self._failing, freshness.stale_if_error)

    def get_lifetime(self) -> AnswerLifetime:
        """How long an answer made of all parts may be used from now on."""
        if self._fresh_until == inf:
            return FRESH_FOREVER
        now = monotonic()
        return AnswerLifetime(
            now - self._oldest_at, max(self._fresh_until - now, 0.0), self._revalidating, self._failing
        )

    def __repr__(self) -> str:
        """How long it lasts, and how much is old already."""
        return f"<HowFresh {self.get_lifetime()}, {sum(map(len, self.stale_answers.values()))} old>"


FRESH_FOREVER = AnswerLifetime(age=0.0, fresh=inf, stale_while_revalidate=inf, stale_if_error=inf)
"""What the hub knows by itself, and what does not change while it runs."""
