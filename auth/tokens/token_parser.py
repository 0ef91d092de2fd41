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

from auth.tokens.authentication_errors import Unauthenticated, build_refusal
from auth.tokens.strict_json import parse_json_object

MAX_TOKEN_LENGTH = 8192
"""Characters of the longest token that is read."""
_MAX_DEPTH = 6
_MAX_BRACKETS = 200
_MAX_KID_LENGTH = 200
_ALLOWED_HEADERS = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})
"""Header parameters that a token may have; the thumbprints name a key and are not looked at."""
_PART = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_PARTS = 3


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """What a token says. Nothing of it is proven; its `repr` shows nothing."""

    text: str = field(repr=False)
    """As it was sent."""
    algorithm: str = field(repr=False)
    kid: str | None = field(repr=False)
    type: str = field(repr=False)
    """In lower case, without `application/`; `jwt` where it says none."""
    claims: Mapping[str, Any] = field(repr=False)


def parse_token(text: str) -> UnverifiedToken:
    """Take a token apart; raises `Unauthenticated`."""
    if len(text) > MAX_TOKEN_LENGTH:
        raise Unauthenticated(f"The token is longer than {MAX_TOKEN_LENGTH} characters. Ask the issuer for another.")
    parts = text.split(".")
    if len(parts) != _PARTS or not all(_PART.fullmatch(part) for part in parts):
        raise build_refusal("malformed_token")
    try:
        header = parse_json_object(_decode_part(parts[0]), max_depth=_MAX_DEPTH, max_brackets=_MAX_BRACKETS)
        claims = parse_json_object(_decode_part(parts[1]), max_depth=_MAX_DEPTH, max_brackets=_MAX_BRACKETS)
        _decode_part(parts[2])
    except ValueError:
        raise build_refusal("malformed_token") from None
    if not _ALLOWED_HEADERS.issuperset(header):
        raise build_refusal("unsupported_header")
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "jwt")
    if not isinstance(algorithm, str):
        raise build_refusal("unsupported_algorithm")
    if not isinstance(kind, str):
        raise build_refusal("unsupported_type")
    if "kid" in header and not (isinstance(kid, str) and 0 < len(kid) <= _MAX_KID_LENGTH):
        raise build_refusal("invalid_key_id")
    return UnverifiedToken(text, algorithm, kid, kind.lower().removeprefix("application/"), claims)


def _decode_part(part: str) -> bytes:
    decoded = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if urlsafe_b64encode(decoded).rstrip(b"=") != part.encode("ascii"):
        raise ValueError("base64 that no encoder writes: one token would have several spellings")
    return decoded
