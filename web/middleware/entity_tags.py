"""Entity tags of responses, and `If-None-Match` (RFC 9110, sections 8.8.3 and 13.1.2).

A tag is a keyed digest of the body, because proxies log tags: from a plain digest, an attacker could guess a short
personal response. The tag of a personal response also depends on the caller. Otherwise an attacker with another
person's tag could compare it with the tag of the own response, and see whether both are equal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b, sha256
from hmac import digest

from web.graphql.media_types import MediaType

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_LENGTH = 16
"""In bytes: two bodies of one address share a tag with a probability of 1 in 10^38."""


class EntityTags:
    """Makes tags, equal in all processes of the hub for the same bytes in the same media type."""

    def __init__(self, secret: bytes) -> None:
        """Derive the key of tags from the hub's secret."""
        self._key = digest(secret, b"simpul entity tags v1", sha256)

    def make_tag(self, body: bytes, media_type: MediaType, *, owner: str = "") -> str:
        """The strong tag of a body, in quotes; `owner` identifies the caller of a personal response."""
        digest_state = blake2b(body, digest_size=_LENGTH, key=self._key, person=media_type.name.encode("ascii"))
        if owner:
            digest_state.update(f"\0{owner}".encode())
        return f'"{digest_state.hexdigest()}"'

    def __repr__(self) -> str:
        """The class, without the key."""
        return "<EntityTags>"


def matches_entity_tag(tag: str, if_none_match: Sequence[str]) -> bool:
    """Whether `If-None-Match` contains the tag, or `*`. Ignores malformed values."""
    return any(value.strip() == "*" or tag in _TAG.findall(value) for value in if_none_match)
