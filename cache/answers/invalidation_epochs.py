"""What was invalidated, as far as this process knows.

A mark is taken before something is fetched. Whatever is invalidated after that, the mark no longer holds, and what was
fetched under it is neither kept nor given to anybody who asks later. So an invalidation beats an answer in flight.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

MAX_TAGS = 100_000
"""Tags that are remembered one by one. With more of them everything counts as invalidated, once."""


class EpochSnapshot(NamedTuple):
    """A moment in the history of some tags."""

    epoch: int
    versions: tuple[int, ...]
    invalidation_count: int
    """How much was invalidated before it, of whatever tags: where that is still all, nothing has to be compared."""


NEVER_CURRENT = EpochSnapshot(-1, (), -1)
"""A mark that does not hold."""


class InvalidationEpochs:
    """The history of tags."""

    __slots__ = ("_epoch", "_invalidation_count", "_max_tags", "_versions")

    def __init__(self, *, max_tags: int = MAX_TAGS) -> None:
        """Nothing was invalidated yet."""
        self._epoch = self._invalidation_count = 0
        self._max_tags = max_tags
        self._versions: dict[str, int] = {}

    def snapshot(self, tags: Sequence[str]) -> EpochSnapshot:
        """This moment, for these tags."""
        versions = self._versions
        return EpochSnapshot(self._epoch, tuple([versions.get(tag, 0) for tag in tags]), self._invalidation_count)

    def is_current(self, tags: Sequence[str], snapshot: EpochSnapshot) -> bool:
        """Whether nothing of it was invalidated since the mark was taken."""
        if snapshot.invalidation_count == self._invalidation_count:
            return True
        return snapshot[:2] == self.snapshot(tags)[:2]

    def invalidate(self, tags: Iterable[str]) -> None:
        """No mark of these tags holds any more."""
        self._invalidation_count += 1
        for tag in tags:
            self._versions[tag] = self._versions.get(tag, 0) + 1
        if len(self._versions) > self._max_tags:
            self.invalidate_everything()

    def invalidate_everything(self) -> None:
        """No mark holds any more."""
        self._epoch += 1
        self._invalidation_count += 1
        self._versions.clear()

    def __repr__(self) -> str:
        """How much is remembered."""
        return f"<Fences epoch {self._epoch}, {len(self._versions)} tags>"
