"""What the read-through needs of a tier that all processes share.

Each tag has a token there that changes whenever the tag is invalidated. An answer is stored with the tokens that were
read before it was fetched, and counts only as long as they are the tokens of the moment: so an answer that was fetched
before an invalidation may be stored after it, and is still found by nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol


class CacheKey(NamedTuple):
    """What is looked for."""

    name: str
    """Opaque: nobody can tell from it what it is about."""
    tags: tuple[str, ...]
    """As opaque."""


class SharedEntry(NamedTuple):
    """What is there and counts."""

    fetched_at: float
    """When the agency gave it, on this process's own clock (`cache/answers/monotonic_clock.py`)."""
    body: bytes


class Lookup(NamedTuple):
    """What the tier held at one moment."""

    found: Mapping[str, SharedEntry]
    """By name."""
    tokens: Mapping[str, bytes]
    """By tag."""
    run_id: str
    """In which life of the tier: after its end, nothing that was read before it counts."""


class NewSharedEntry(NamedTuple):
    """What is to be kept there."""

    key: CacheKey
    fetched_at: float
    """As of `SharedEntry`."""
    body: bytes
    lifetime: float
    """How long."""


class SharedTier(Protocol):
    """Fails open: where it does not answer, it found nothing, and keeps nothing."""

    @property
    def is_subscribed(self) -> bool:
        """Whether this process hears at this moment what others invalidate."""

    async def look_up(self, keys: Sequence[CacheKey]) -> Lookup | None:
        """What is there, in one round trip; None where the tier does not answer."""

    async def store(self, entries: Sequence[NewSharedEntry], lookup: Lookup) -> None:
        """Keep answers that were fetched after this look."""

    async def acquire_lease(self, names: Sequence[str]) -> Collection[str]:
        """Those of the names that nobody else is fetching: from now on this process is, for a moment."""

    async def release_lease(self, names: Sequence[str]) -> None:
        """They were fetched, or could not be: whoever waits may look."""

    async def invalidate(self, tags: Sequence[str]) -> bool:
        """Let nothing with these tags count any more, in any process; False where the tier does not answer."""
