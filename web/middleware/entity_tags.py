"""Entity tags of answers, and whether a client has the answer already (RFC 9110, sections 8.8.3 and 13.1.2).

A tag is a keyed digest of the body. It may stand in the logs of others, and from a plain one somebody could find out
what a short personal answer said. Of two people who are told the same by personal answers, each has a tag of their own:
else whoever finds another's tag and asks the same of themself would know whether the answer was the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b, sha256
from hmac import digest

from web.graphql.media_types import MediaType

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_LENGTH = 16
"""Bytes: two bodies of one address share a tag with a chance of 1 in 10^38."""


class EntityTags:
    """Makes tags: the same in every process of the hub, and for the same bytes in the same media type only."""

    def __init__(self, secret: bytes) -> None:
        """Derive a key of its own from the hub's secret."""
        self._key = digest(secret, b"simpul entity tags v1", sha256)

    def make_tag(self, body: bytes, media_type: MediaType, *, owner: str = "") -> str:
        """The strong tag of a body, in quotes; of a personal one, for the caller who is called so."""
        digest_state = blake2b(body, digest_size=_LENGTH, key=self._key, person=media_type.name.encode("ascii"))
        if owner:
            digest_state.update(f"\0{owner}".encode())
        return f'"{digest_state.hexdigest()}"'

    def __repr__(self) -> str:
        """Never the key."""
        return "<EntityTags>"


def matches_entity_tag(tag: str, if_none_match: Sequence[str]) -> bool:
    """Whether the client named the tag, or any (`*`), in `If-None-Match`; what is malformed is passed over."""
    return any(value.strip() == "*" or tag in _TAG.findall(value) for value in if_none_match)
