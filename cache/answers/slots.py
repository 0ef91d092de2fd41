"""Slots of the cache: one answer of one kind for one key."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple, Protocol

from cache.answers.cache_hits import CacheHits
from records.calls.freshness import Freshness, Staleness


class Codec(Protocol):
    """Encodes and decodes answers of one kind."""

    def encode(self, value: Any) -> bytes:  # noqa: ANN401 - any answer
        """Returns the bytes of an answer; never empty."""

    def decode(self, body: bytes) -> Any:  # noqa: ANN401 - any answer
        """Returns the answer. Raises `ValueError` for bytes of another form, as of an earlier version."""


class AnswerKind:
    """A kind of answer; equal only to itself."""

    __slots__ = ("codec", "freshness", "hits", "name")

    def __init__(self, name: str, freshness: Freshness, codec: Codec, hits: CacheHits | None = None) -> None:
        """`name` is the same in all processes; another form of the same answers has another name.

        `hits` may be shared with other kinds; None counts this kind separately.
        """
        self.name = name
        self.freshness = freshness
        self.codec = codec
        self.hits = hits or CacheHits()

    def get_fresh_seconds(self, value: object) -> float:
        """Returns the seconds for which an answer is fresh; None is the answer for an unknown key."""
        if value is None:
            return self.freshness.unknown_key_seconds
        return self.freshness.fresh if self.is_lasting(value) else 0.0

    def is_lasting(self, value: object) -> bool:
        """Whether an answer that is not None may be used again."""
        return self.freshness.is_lasting is None or self.freshness.is_lasting(value)

    def __repr__(self) -> str:
        return f"<AnswerKind {self.name}>"


class Slot(NamedTuple):
    """The place of one answer in the cache."""

    kind: AnswerKind
    key: Hashable


class CacheResult(NamedTuple):
    """The answer of a slot, for a caller."""

    value: Any
    """None if the agency does not know the key; an exception if there is no answer."""
    fetched_at: float
    """When the agency gave it, on the clock of this process (`cache/answers/monotonic_clock.py`)."""
    fresh_until: float
    """On the same clock; equal to `fetched_at` for a result that must not be reused."""
    staleness: Staleness | None = None
    """Set if the answer is no longer fresh."""
