"""Answers that this process keeps: bounded by the bytes they take, those that were used last stay."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, NamedTuple

from cache.answers.invalidation_epochs import EpochSnapshot, InvalidationEpochs

ENTRY_OVERHEAD_BYTES = 400
"""Bytes that an entry takes besides its answer: key, tags, times, and its place (measured, rounded up)."""


class CachedAnswer(NamedTuple):
    """An answer, and how long it may be used."""

    value: Any
    """None where the agency knows nothing of the key."""
    size: int
    """Bytes of the answer."""
    fetched_at: float
    """When the agency gave it, on this process's own clock (`cache/answers/monotonic_clock.py`)."""
    fresh_until: float
    usable_until: float
    tags: tuple[str, ...]
    epochs: EpochSnapshot


class ProcessTier:
    """Keeps answers by batch and key."""

    def __init__(self, epochs: InvalidationEpochs, *, max_bytes: int) -> None:
        """Keep nothing yet."""
        self.used_bytes = 0
        """Bytes that are taken."""
        self._epochs = epochs
        self._max_bytes = max_bytes
        self._answers: OrderedDict[Hashable, CachedAnswer] = OrderedDict()

    def find(self, key: Hashable, now: float) -> CachedAnswer | None:
        """The answer, fresh or not; None where there is none that may be used for anything."""
        kept = self._answers.get(key)
        if kept is None:
            return None
        if kept.usable_until <= now or not self._epochs.is_current(kept.tags, kept.epochs):
            self.drop(key)
            return None
        self._answers.move_to_end(key)
        return kept

    def put(self, key: Hashable, answer: CachedAnswer) -> bool:
        """Keep an answer; False where it was invalidated on its way, or is too large to be kept."""
        taken = answer.size + ENTRY_OVERHEAD_BYTES
        if taken > self._max_bytes // 8 or not self._epochs.is_current(answer.tags, answer.epochs):
            self.drop(key)
            return False
        self.drop(key)
        self._answers[key] = answer
        self.used_bytes += taken
        while self.used_bytes > self._max_bytes:
            self.drop(next(iter(self._answers)))
        return True

    def drop(self, key: Hashable) -> None:
        """Forget an answer, where there is one."""
        kept = self._answers.pop(key, None)
        if kept is not None:
            self.used_bytes -= kept.size + ENTRY_OVERHEAD_BYTES

    def __len__(self) -> int:
        """How many answers are kept."""
        return len(self._answers)

    def __repr__(self) -> str:
        """How full it is."""
        return f"<ProcessTier {len(self._answers)} answers, {self.used_bytes} of {self._max_bytes} bytes>"
