"""The interface of the cache tier that all processes share.

Each tag has an epoch, a random number that changes with every invalidation. An answer is stored with the epochs that
were read before its fetch, and is valid only while they are the current ones. So an answer that was fetched before an
invalidation and stored after it is never found.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from cache.answers.slots import Slot

_MAX_CLOCK_SKEW = 1.0
"""Tolerated clock difference to another process, in seconds. An answer from further in the future means that the
shared clock was set back, so its age is unknown."""


class CacheKey(NamedTuple):
    """The name and the tags of a slot in the tier."""

    name: str
    """Opaque: it reveals nothing about the content."""
    tags: tuple[str, ...]
    """Opaque, too."""


class SharedEntry(NamedTuple):
    """A valid entry of the tier."""

    fetched_at: float
    """When the agency gave it, on the clock of this process (`cache/answers/monotonic_clock.py`)."""
    body: bytes

    def is_from_future(self, now: float) -> bool:
        """Whether it was fetched later than now, so that its age is unknown."""
        return self.fetched_at > now + _MAX_CLOCK_SKEW


class Lookup(NamedTuple):
    """The result of a lookup."""

    found: Mapping[str, SharedEntry]
    """By name."""
    epochs: Mapping[str, bytes]
    """By tag."""
    run_id: str
    """The run of the tier's server: after a restart, nothing that was read before is valid."""
    leased: Collection[str] = ()
    """The names that this lookup leased to this process."""


class NewSharedEntry(NamedTuple):
    """An entry to store."""

    key: CacheKey
    fetched_at: float
    """As in `SharedEntry`."""
    body: bytes
    lifetime: float
    """Seconds to store it for."""


class KeyBuilder(Protocol):
    """Names slots and tags. Names are opaque, because they leave this process."""

    def build_key(self, slot: Slot) -> CacheKey:
        """Returns the name and the tags of a slot."""

    def hash_tags(self, tags: Sequence[str]) -> Sequence[str]:
        """Returns the names of tags."""


class AnswerSealer(Protocol):
    """Seals answers with personal data before they leave the process."""

    def seal(self, body: bytes, name: str) -> bytes:
        """Returns the sealed body, bound to its name."""

    def open(self, sealed: bytes, name: str) -> bytes:
        """Returns the body. Raises `ValueError` if it was sealed with another key or name."""


class SharedTier(Protocol):
    """Fails open: if the tier does not answer, nothing is found and nothing is stored."""

    @property
    def is_subscribed(self) -> bool:
        """Whether this process currently receives the invalidations of other processes."""

    async def look_up(self, keys: Sequence[CacheKey], *, lease: Sequence[str] = ()) -> Lookup | None:
        """Looks up answers in one round trip; None if the tier does not answer.

        First leases the names of `lease` that no other process is fetching to this process, for a moment. So what
        another process stored before the end of its lease is found.
        """

    async def store(self, entries: Sequence[NewSharedEntry], lookup: Lookup) -> None:
        """Stores answers that were fetched after this lookup."""

    async def release_lease(self, names: Sequence[str]) -> None:
        """Releases leases after a fetch or a failure, so that waiting processes can look."""

    async def invalidate(self, tags: Sequence[str]) -> bool:
        """Invalidates tags for all processes. Returns False if the tier does not answer."""


def build_shared_entry(slot: Slot, key: CacheKey, body: bytes, sealer: AnswerSealer, now: float) -> NewSharedEntry:
    """Builds the entry of an answer; personal data is sealed, and an empty body stands for an unknown key."""
    freshness = slot.kind.freshness
    sealed = sealer.seal(body, key.name) if freshness.is_personal else body
    return NewSharedEntry(key, now, sealed, freshness.max_lifetime if body else freshness.unknown_key_seconds)
