"""How fresh what is read for one answer is: the strictest of all parts, and which of them are no longer fresh.

A part is what one call of a batch gave, however many keys it was for.
"""

from __future__ import annotations

from collections.abc import Hashable
from math import inf
from time import monotonic
from typing import Any

from engine.batch import Batch
from records.freshness import Freshness, Lasts, Staleness

Wanted = tuple[Batch[Any, Any], "type[Any] | None"]
"""A batch, and the facet of its answers that is meant."""
_NOT_AGAIN = Freshness(fresh=0.0)
"""Of a batch that says nothing: what it answers is for this once."""


class HowFresh:
    """What is known of the reads of one answer (`engine.batch.Notes`)."""

    # Defaults of the class cost nothing where nothing is noted, as in the smallest requests.
    _since: float = inf
    """When the oldest part was said, on the clock of `time.monotonic`."""
    _until: float = inf
    """Until when all parts are fresh, on the same clock."""
    _revalidating: float = inf
    _failing: float = inf

    def __init__(self) -> None:
        """Nothing was read yet."""
        self.old: dict[Wanted, dict[Hashable, Staleness]] = {}
        """What is no longer fresh of what was given, by key."""

    def stale(self, batch: Batch[Any, Any], key: Hashable, facet: type[Any] | None, staleness: Staleness) -> None:
        """Note an answer that is no longer fresh."""
        self.old.setdefault((batch, facet), {})[key] = staleness

    def lasts(self, batch: Batch[Any, Any], age: float, fresh: float) -> None:
        """Note a part, said so many seconds ago and fresh for so many more."""
        freshness = batch.freshness or _NOT_AGAIN
        now = monotonic()
        self._since = min(self._since, now - age)
        self._until = min(self._until, now + fresh)
        self._revalidating = min(self._revalidating, freshness.revalidating)
        self._failing = min(self._failing, freshness.failing)

    def of_all(self) -> Lasts:
        """How long an answer made of all parts may be used from now on."""
        if self._until == inf:
            return FOR_GOOD
        now = monotonic()
        return Lasts(now - self._since, max(self._until - now, 0.0), self._revalidating, self._failing)

    def __repr__(self) -> str:
        """How long it lasts, and how much is old already."""
        return f"<HowFresh {self.of_all()}, {sum(map(len, self.old.values()))} old>"


FOR_GOOD = Lasts(age=0.0, fresh=inf, revalidating=inf, failing=inf)
"""What the hub knows by itself, and what does not change while it runs."""
