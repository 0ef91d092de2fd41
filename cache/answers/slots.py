"""What is kept: one answer of one kind for one key."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple, Protocol

from cache.answers.cache_hits import CacheHits
from records.calls.freshness import Freshness, Staleness


class Codec(Protocol):
    """Writes answers of one kind, and reads them again."""

    def encode(self, value: Any) -> bytes:  # noqa: ANN401 - any answer
        """The bytes of an answer; never empty."""

    def decode(self, body: bytes) -> Any:  # noqa: ANN401 - any answer
        """The answer; raises `ValueError` for bytes of another form, as an earlier version of the hub wrote them."""


class AnswerKind:
    """A kind of answer: equal only to itself."""

    __slots__ = ("codec", "freshness", "hits", "name")

    def __init__(self, name: str, freshness: Freshness, codec: Codec, hits: CacheHits | None = None) -> None:
        """`name` is what all processes call it; another form of the same answers has another name.

        `hits` are counted together with those of other kinds, or alone.
        """
        self.name = name
        self.freshness = freshness
        self.codec = codec
        self.hits = hits or CacheHits()

    def __repr__(self) -> str:
        """Its name."""
        return f"<Kind {self.name}>"


class Slot(NamedTuple):
    """Where an answer is kept."""

    kind: AnswerKind
    key: Hashable


class CacheResult(NamedTuple):
    """What a slot holds for who asks."""

    value: Any
    """None where the agency knows nothing of the key; an exception where there is no answer."""
    fetched_at: float
    """When the agency gave it, on this process's own clock (`cache/answers/monotonic_clock.py`)."""
    fresh_until: float
    """As `fetched_at`; the same for what is not to be used again."""
    staleness: Staleness | None = None
    """Said where the answer is no longer fresh."""
