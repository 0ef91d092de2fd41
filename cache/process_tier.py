"""Answers that this process keeps: bounded by the bytes they take, those that were used last stay."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, NamedTuple

from cache.fences import Fences, Mark

OVERHEAD = 400
"""Bytes that an entry takes besides its answer: key, tags, times, and its place (measured, rounded up)."""


class Kept(NamedTuple):
    """An answer, and how long it may be used."""

    value: Any
    """None where the agency knows nothing of the key."""
    size: int
    """Bytes of the answer."""
    at: float
    """When the agency gave it, on this process's own clock (`cache/clock.py`)."""
    fresh_until: float
    last_until: float
    tags: tuple[str, ...]
    mark: Mark


class ProcessTier:
    """Keeps answers by batch and key."""

    def __init__(self, fences: Fences, *, most_bytes: int) -> None:
        """Keep nothing yet."""
        self.used = 0
        """Bytes that are taken."""
        self._fences = fences
        self._most = most_bytes
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()

    def find(self, key: Hashable, now: float) -> Kept | None:
        """The answer, fresh or not; None where there is none that may be used for anything."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.last_until <= now or not self._fences.holds(kept.tags, kept.mark):
            self.drop(key)
            return None
        self._kept.move_to_end(key)
        return kept

    def keep(self, key: Hashable, kept: Kept) -> bool:
        """Keep an answer; False where it was invalidated on its way, or is too large to be kept."""
        taken = kept.size + OVERHEAD
        if taken > self._most // 8 or not self._fences.holds(kept.tags, kept.mark):
            self.drop(key)
            return False
        self.drop(key)
        self._kept[key] = kept
        self.used += taken
        while self.used > self._most:
            self.drop(next(iter(self._kept)))
        return True

    def drop(self, key: Hashable) -> None:
        """Forget an answer, where there is one."""
        kept = self._kept.pop(key, None)
        if kept is not None:
            self.used -= kept.size + OVERHEAD

    def __len__(self) -> int:
        """How many answers are kept."""
        return len(self._kept)

    def __repr__(self) -> str:
        """How full it is."""
        return f"<ProcessTier {len(self._kept)} answers, {self.used} of {self._most} bytes>"
