"""A bearer token taken apart, before anything of it is believed.

A JSON Web Token in its compact form (RFC 7519, RFC 7515 section 7.1). What it says of its own keys (`jku`, `jwk`,
`x5u`, `x5c`) and what it demands to be understood (`crit`) is refused, like every other header parameter that is not
listed here: nothing in a token ever leads the hub anywhere.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from auth.strict_json import read_object
from auth.unproven import Unauthenticated, refused

LONGEST_TOKEN = 8192
"""Characters of the longest token that is read."""
_DEEPEST = 6
_MOST_BRACKETS = 200
_LONGEST_KID = 200
_HEADER = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})
"""Header parameters that a token may have; the thumbprints name a key and are not looked at."""
_PART = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_PARTS = 3


@dataclass(frozen=True, slots=True)
class PresentedToken:
    """What a token says. Nothing of it is proven; its `repr` shows nothing."""

    text: str = field(repr=False)
    """As it was sent."""
    algorithm: str = field(repr=False)
    kid: str | None = field(repr=False)
    type: str = field(repr=False)
    """In lower case, without `application/`; `jwt` where it says none."""
    claims: Mapping[str, Any] = field(repr=False)


def read_token(text: str) -> PresentedToken:
    """Take a token apart; raises `Unauthenticated`."""
    if len(text) > LONGEST_TOKEN:
        raise Unauthenticated(f"The token is longer than {LONGEST_TOKEN} characters. Ask the issuer for another.")
    parts = text.split(".")
    if len(parts) != _PARTS or not all(_PART.fullmatch(part) for part in parts):
        raise refused("malformed_token")
    try:
        header = read_object(_decoded(parts[0]), depth=_DEEPEST, brackets=_MOST_BRACKETS)
        claims = read_object(_decoded(parts[1]), depth=_DEEPEST, brackets=_MOST_BRACKETS)
        _decoded(parts[2])
    except ValueError:
        raise refused("malformed_token") from None
    if not _HEADER.issuperset(header):
        raise refused("unsupported_header")
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "jwt")
    if not isinstance(algorithm, str):
        raise refused("unsupported_algorithm")
    if not isinstance(kind, str):
        raise refused("unsupported_type")
    if "kid" in header and not (isinstance(kid, str) and 0 < len(kid) <= _LONGEST_KID):
        raise refused("invalid_key_id")
    return PresentedToken(text, algorithm, kid, kind.lower().removeprefix("application/"), claims)


def _decoded(part: str) -> bytes:
    decoded = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if urlsafe_b64encode(decoded).rstrip(b"=") != part.encode("ascii"):
        raise ValueError("base64 that no encoder writes: one token would have several spellings")
    return decoded
