"""The cache of this process: a least-recently-used cache, limited in bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, NamedTuple

from cache.answers.invalidation_epochs import EpochSnapshot, InvalidationEpochs

ENTRY_OVERHEAD_BYTES = 400
"""Bytes of an entry besides its answer: key, tags, times, and its dictionary slot (measured, rounded up)."""


class CachedAnswer(NamedTuple):
    """An answer, and how long it may be used."""

    value: Any
    """None if the agency does not know the key."""
    size: int
    """Size of the answer in bytes."""
    fetched_at: float
    """When the agency gave it, on the clock of this process (`cache/answers/monotonic_clock.py`)."""
    fresh_until: float
    usable_until: float
    tags: tuple[str, ...]
    snapshot: EpochSnapshot
    """The epochs of the tags before the fetch."""


class ProcessTier:
    """Caches answers by batch and key."""

    def __init__(self, epochs: InvalidationEpochs, *, max_bytes: int) -> None:
        self.used_bytes = 0
        """Bytes in use."""
        self._epochs = epochs
        self._max_bytes = max_bytes
        self._answers: OrderedDict[Hashable, CachedAnswer] = OrderedDict()

    def find(self, key: Hashable, now: float) -> CachedAnswer | None:
        """Returns the answer, fresh or stale; None if there is none that may still be used."""
        kept = self._answers.get(key)
        if kept is None:
            return None
        if kept.usable_until <= now or not self._epochs.is_current(kept.tags, kept.snapshot):
            self.drop(key)
            return None
        self._answers.move_to_end(key)
        return kept

    def put(self, key: Hashable, answer: CachedAnswer) -> bool:
        """Caches an answer. Returns False if it was invalidated during the fetch, or is too large."""
        taken = answer.size + ENTRY_OVERHEAD_BYTES
        if taken > self._max_bytes // 8 or not self._epochs.is_current(answer.tags, answer.snapshot):
            self.drop(key)
            return False
        self.drop(key)
        self._answers[key] = answer
        self.used_bytes += taken
        while self.used_bytes > self._max_bytes:
            self.drop(next(iter(self._answers)))
        return True

    def drop(self, key: Hashable) -> None:
        """Removes an answer, if it is cached."""
        kept = self._answers.pop(key, None)
        if kept is not None:
            self.used_bytes -= kept.size + ENTRY_OVERHEAD_BYTES

    def __len__(self) -> int:
        """The number of cached answers."""
        return len(self._answers)

    def __repr__(self) -> str:
        """The number of answers and the bytes in use."""
        return f"<ProcessTier {len(self._answers)} answers, {self.used_bytes} of {self._max_bytes} bytes>"
