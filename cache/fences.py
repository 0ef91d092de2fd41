"""What was invalidated, as far as this process knows.

A mark is taken before something is fetched. Whatever is invalidated after that, the mark no longer holds, and what was
fetched under it is neither kept nor given to anybody who asks later. So an invalidation beats an answer in flight.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

MOST = 100_000
"""Tags that are remembered one by one. With more of them everything counts as invalidated, once."""


class Mark(NamedTuple):
    """A moment in the history of some tags."""

    epoch: int
    versions: tuple[int, ...]
    moment: int
    """How much was invalidated before it, of whatever tags: where that is still all, nothing has to be compared."""


NEVER = Mark(-1, (), -1)
"""A mark that does not hold."""


class Fences:
    """The history of tags."""

    __slots__ = ("_epoch", "_moment", "_most", "_versions")

    def __init__(self, *, most: int = MOST) -> None:
        """Nothing was invalidated yet."""
        self._epoch = self._moment = 0
        self._most = most
        self._versions: dict[str, int] = {}

    def mark(self, tags: Sequence[str]) -> Mark:
        """This moment, for these tags."""
        versions = self._versions
        return Mark(self._epoch, tuple([versions.get(tag, 0) for tag in tags]), self._moment)

    def holds(self, tags: Sequence[str], mark: Mark) -> bool:
        """Whether nothing of it was invalidated since the mark was taken."""
        if mark.moment == self._moment:
            return True
        return mark[:2] == self.mark(tags)[:2]

    def invalidate(self, tags: Iterable[str]) -> None:
        """No mark of these tags holds any more."""
        self._moment += 1
        for tag in tags:
            self._versions[tag] = self._versions.get(tag, 0) + 1
        if len(self._versions) > self._most:
            self.invalidate_everything()

    def invalidate_everything(self) -> None:
        """No mark holds any more."""
        self._epoch += 1
        self._moment += 1
        self._versions.clear()

    def __repr__(self) -> str:
        """How much is remembered."""
        return f"<Fences epoch {self._epoch}, {len(self._versions)} tags>"
