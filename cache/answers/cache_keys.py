"""How slots and tags are called: by keyed digests, so that nobody can tell from a name what it is about."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from functools import lru_cache
from hashlib import blake2b, sha256
from hmac import digest

import orjson

from cache.answers.shared_tier import CacheKey
from cache.answers.slots import Slot

_CACHE_SIZE = 20_000
_BYTES = 16


class CacheKeyBuilder:
    """Names by the hub's secret: the same in every process that has it."""

    def __init__(self, secret: bytes) -> None:
        """Derive a key of its own."""
        self._key = digest(secret, b"simpul kept answers names v1", sha256)
        self._cached_key = lru_cache(maxsize=_CACHE_SIZE)(self._compute_key)

    def build_key(self, slot: Slot) -> CacheKey:
        """Name and tags of a slot."""
        return self._cached_key(slot)

    def hash_tags(self, tags: Sequence[str]) -> Sequence[str]:
        """Tags alone."""
        return [self._digest(b"tag", tag.encode()) for tag in tags]

    def _compute_key(self, slot: Slot) -> CacheKey:
        tags = slot.kind.freshness.tags
        key = orjson.dumps([slot.kind.name, _to_json_value(slot.key)])
        return CacheKey(self._digest(b"slot", key), tuple(self.hash_tags(tags(slot.key))) if tags else ())

    def _digest(self, what: bytes, text: bytes) -> str:
        return blake2b(text, key=self._key, person=what, digest_size=_BYTES).hexdigest()

    def __repr__(self) -> str:
        """Never the key."""
        return "<KeyedNames>"


def _to_json_value(key: Hashable) -> object:
    """A key as JSON can tell it apart from every other: with its type, and names of its parts."""
    if key is None or (isinstance(key, bool | int | float | str) and not isinstance(key, Enum)):
        return key
    if isinstance(key, Enum):
        return [type(key).__name__, key.name]
    if is_dataclass(key) and not isinstance(key, type):
        return [type(key).__name__, *(_to_json_value(getattr(key, each.name)) for each in fields(key))]
    if isinstance(key, tuple):
        return [type(key).__name__, *map(_to_json_value, key)]
    if isinstance(key, date):
        return [type(key).__name__, key.isoformat()]
    raise TypeError(f"A key of type {type(key).__name__} has no name; make it of texts, numbers, enums and records.")
