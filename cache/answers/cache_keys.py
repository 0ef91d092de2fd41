"""Names of slots and tags: keyed digests, so that a name reveals nothing about its content."""

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
    """Builds names with the hub's secret: the same in every process that has it."""

    def __init__(self, secret: bytes) -> None:
        """Derives a separate key from the secret."""
        self._key = digest(secret, b"simpul kept answers names v1", sha256)
        self._cached_key = lru_cache(maxsize=_CACHE_SIZE)(self._compute_key)

    def build_key(self, slot: Slot) -> CacheKey:
        """Returns the name and the tags of a slot."""
        return self._cached_key(slot)

    def hash_tags(self, tags: Sequence[str]) -> Sequence[str]:
        """Returns the names of tags."""
        return [self._digest(b"tag", tag.encode()) for tag in tags]

    def _compute_key(self, slot: Slot) -> CacheKey:
        tags = slot.kind.freshness.tags
        key = orjson.dumps([slot.kind.name, _to_json_value(slot.key)])
        return CacheKey(self._digest(b"slot", key), tuple(self.hash_tags(tags(slot.key))) if tags else ())

    def _digest(self, what: bytes, text: bytes) -> str:
        return blake2b(text, key=self._key, person=what, digest_size=_BYTES).hexdigest()

    def __repr__(self) -> str:
        return "<CacheKeyBuilder>"


def _to_json_value(key: Hashable) -> object:
    """Converts a key to JSON that differs for every other key: with its type, and the values of its parts."""
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
