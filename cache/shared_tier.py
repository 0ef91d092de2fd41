"""What the read-through needs of a tier that all processes share.

Each tag has a token there that changes whenever the tag is invalidated. An answer is stored with the tokens that were
read before it was fetched, and counts only as long as they are the tokens of the moment: so an answer that was fetched
before an invalidation may be stored after it, and is still found by nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol


class Wanted(NamedTuple):
    """What is looked for."""

    name: str
    """Opaque: nobody can tell from it what it is about."""
    tags: tuple[str, ...]
    """As opaque."""


class Found(NamedTuple):
    """What is there and counts."""

    at: float
    """When the agency gave it, on this process's own clock (`cache/clock.py`)."""
    body: bytes


class Looked(NamedTuple):
    """What the tier held at one moment."""

    found: Mapping[str, Found]
    """By name."""
    tokens: Mapping[str, bytes]
    """By tag."""
    place: str
    """In which life of the tier: after its end, nothing that was read before it counts."""


class Stored(NamedTuple):
    """What is to be kept there."""

    wanted: Wanted
    at: float
    """As of `Found`."""
    body: bytes
    seconds: float
    """How long."""


class SharedTier(Protocol):
    """Fails open: where it does not answer, it found nothing, and keeps nothing."""

    @property
    def following(self) -> bool:
        """Whether this process hears at this moment what others invalidate."""

    async def look(self, wanted: Sequence[Wanted]) -> Looked | None:
        """What is there, in one round trip; None where the tier does not answer."""

    async def store(self, entries: Sequence[Stored], looked: Looked) -> None:
        """Keep answers that were fetched after this look."""

    async def lead(self, names: Sequence[str]) -> Collection[str]:
        """Those of the names that nobody else is fetching: from now on this process is, for a moment."""

    async def led(self, names: Sequence[str]) -> None:
        """They were fetched, or could not be: whoever waits may look."""

    async def invalidate(self, tags: Sequence[str]) -> bool:
        """Let nothing with these tags count any more, in any process; False where the tier does not answer."""
