"""The invalidations that this process knows of.

An epoch is a number that every invalidation of a tag increments; one more epoch counts invalidations of everything. A
fetch takes a snapshot of the epochs first, and its answer is valid only while the snapshot is current. So an answer
fetched before an invalidation is never cached after it, nor given to a later caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

MAX_TAGS = 100_000
"""The maximum number of tags with an epoch each. Beyond it, everything is invalidated once."""


class EpochSnapshot(NamedTuple):
    """The epochs of some tags at one moment."""

    global_epoch: int
    tag_epochs: tuple[int, ...]
    invalidation_count: int
    """The number of all invalidations before it. If the number is unchanged, no tag has to be compared."""


NEVER_CURRENT = EpochSnapshot(-1, (), -1)
"""A snapshot that is never current."""


class InvalidationEpochs:
    """The epoch of each invalidated tag, and of everything."""

    __slots__ = ("_global_epoch", "_max_tags", "_tag_epochs", "invalidation_count")

    def __init__(self, *, max_tags: int = MAX_TAGS) -> None:
        self._global_epoch = 0
        self.invalidation_count = 0
        """The number of all invalidations."""
        self._max_tags = max_tags
        self._tag_epochs: dict[str, int] = {}

    def snapshot(self, tags: Sequence[str]) -> EpochSnapshot:
        """Returns the current epochs of these tags."""
        get = self._tag_epochs.get
        return EpochSnapshot(self._global_epoch, tuple([get(tag, 0) for tag in tags]), self.invalidation_count)

    def is_current(self, tags: Sequence[str], snapshot: EpochSnapshot) -> bool:
        """Whether none of these tags was invalidated since the snapshot."""
        if snapshot.invalidation_count == self.invalidation_count:
            return True
        return snapshot[:2] == self.snapshot(tags)[:2]

    def invalidate(self, tags: Iterable[str]) -> None:
        """Makes every snapshot of these tags outdated."""
        self.invalidation_count += 1
        for tag in tags:
            self._tag_epochs[tag] = self._tag_epochs.get(tag, 0) + 1
        if len(self._tag_epochs) > self._max_tags:
            self.invalidate_everything()

    def invalidate_everything(self) -> None:
        """Makes every snapshot outdated."""
        self._global_epoch += 1
        self.invalidation_count += 1
        self._tag_epochs.clear()

    def __repr__(self) -> str:
        """The global epoch, and the number of tags with an epoch."""
        return f"<InvalidationEpochs epoch {self._global_epoch}, {len(self._tag_epochs)} tags>"
