"""The invalidations that this process knows of.

A snapshot is taken before a fetch. After an invalidation the snapshot is no longer current. What was fetched under it
is not cached, and not given to later callers. So an invalidation beats an answer in flight.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

MAX_TAGS = 100_000
"""The maximum number of tags with a version each. Beyond it, everything is invalidated once."""


class EpochSnapshot(NamedTuple):
    """The state of some tags at one moment."""

    epoch: int
    versions: tuple[int, ...]
    invalidation_count: int
    """The number of all invalidations before it. If the number is unchanged, no tag has to be compared."""


NEVER_CURRENT = EpochSnapshot(-1, (), -1)
"""A snapshot that is never current."""


class InvalidationEpochs:
    """The version of each invalidated tag."""

    __slots__ = ("_epoch", "_invalidation_count", "_max_tags", "_versions")

    def __init__(self, *, max_tags: int = MAX_TAGS) -> None:
        self._epoch = self._invalidation_count = 0
        self._max_tags = max_tags
        self._versions: dict[str, int] = {}

    def snapshot(self, tags: Sequence[str]) -> EpochSnapshot:
        """Returns the current state of these tags."""
        versions = self._versions
        return EpochSnapshot(self._epoch, tuple([versions.get(tag, 0) for tag in tags]), self._invalidation_count)

    def is_current(self, tags: Sequence[str], snapshot: EpochSnapshot) -> bool:
        """Whether none of these tags was invalidated since the snapshot."""
        if snapshot.invalidation_count == self._invalidation_count:
            return True
        return snapshot[:2] == self.snapshot(tags)[:2]

    def invalidate(self, tags: Iterable[str]) -> None:
        """Makes every snapshot of these tags outdated."""
        self._invalidation_count += 1
        for tag in tags:
            self._versions[tag] = self._versions.get(tag, 0) + 1
        if len(self._versions) > self._max_tags:
            self.invalidate_everything()

    def invalidate_everything(self) -> None:
        """Makes every snapshot outdated."""
        self._epoch += 1
        self._invalidation_count += 1
        self._versions.clear()

    def __repr__(self) -> str:
        """The epoch, and the number of versions."""
        return f"<InvalidationEpochs epoch {self._epoch}, {len(self._versions)} tags>"
