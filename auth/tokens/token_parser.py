"""Parses a bearer token, without verifying it.

The token is a JSON Web Token in its compact form (RFC 7519; RFC 7515, section 7.1). Header parameters that are not
listed here are refused. These include keys (`jku`, `jwk`, `x5u`, `x5c`) and extensions (`crit`), so that a token cannot
choose its own key or make the hub fetch an address.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from auth.tokens.authentication_errors import Unauthenticated, build_refusal
from auth.tokens.strict_json import parse_json_object

MAX_TOKEN_LENGTH = 8192
"""Maximum characters of a token."""
_MAX_DEPTH = 6
_MAX_BRACKETS = 200
_MAX_KID_LENGTH = 200
_ALLOWED_HEADERS = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})
"""Allowed header parameters. The thumbprints name a key and are ignored."""
_TO_BASE64 = bytes.maketrans(b"-_+/=", b"+/!!!")
"""From the alphabet of tokens (RFC 4648, section 5) to that of `binascii`, whose other characters no token has."""
_PADDINGS = (b"", b"===", b"==", b"=")
"""By the remainder of the length. No text decodes with the second one."""
_CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
"""All characters of a token."""
_PARTS = 3


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """The parts of a token, of which nothing is verified. `repr` shows none of them."""

    text: str = field(repr=False)
    """The token as sent."""
    algorithm: str = field(repr=False)
    kid: str | None = field(repr=False)
    type: str = field(repr=False)
    """In lower case, without `application/`; `jwt` if the header has none."""
    claims: Mapping[str, Any] = field(repr=False)
    signature: bytes = field(repr=False)
    signed_part: bytes = field(repr=False)
    """The bytes that the signature covers: header and claims as sent (RFC 7515, section 5.1)."""


class _TokenHeader(NamedTuple):
    algorithm: str
    kid: str | None
    type: str


def parse_token(text: str) -> UnverifiedToken:
    """Parse a token; raises `Unauthenticated`."""
    if len(text) > MAX_TOKEN_LENGTH:
        raise Unauthenticated(f"The token is longer than {MAX_TOKEN_LENGTH} characters. Ask the issuer for another.")
    try:
        sent = text.encode("ascii")
    except UnicodeEncodeError:
        raise build_refusal("malformed_token") from None
    parts = sent.split(b".")
    if len(parts) != _PARTS or not all(parts) or sent.translate(None, _CHARACTERS):
        raise build_refusal("malformed_token")
    header = _parse_header(parts[0])
    try:
        claims = parse_json_object(_decode_part(parts[1]), max_depth=_MAX_DEPTH, max_brackets=_MAX_BRACKETS)
        signature = _decode_part(parts[2])
    except ValueError:
        raise build_refusal("malformed_token") from None
    return UnverifiedToken(text, *header, claims, signature, sent[: -len(parts[2]) - 1])


@lru_cache(maxsize=64)  # tokens of one key have the same header
def _parse_header(part: bytes) -> _TokenHeader:
    try:
        header = parse_json_object(_decode_part(part), max_depth=_MAX_DEPTH, max_brackets=_MAX_BRACKETS)
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
    return _TokenHeader(algorithm, kid, kind.lower().removeprefix("application/"))


def _decode_part(part: bytes) -> bytes:
    padded = part.translate(_TO_BASE64) + _PADDINGS[len(part) % 4]
    decoded = a2b_base64(padded)
    if b2a_base64(decoded, newline=False) != padded:
        raise ValueError("base64 that no encoder writes: a token would have several spellings")
    return decoded
