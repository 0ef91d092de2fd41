"""Sealed cookies: encrypted values with an expiry, which a browser stores for the hub and cannot read or change.

What the hub remembers about a browser is in the browser's cookies.
"""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAX_COOKIE_LENGTH: Final = 3800
"""Maximum characters of a sealed text. Browsers store 4096 bytes of a cookie with its attributes (RFC 6265, 6.1)."""
_NONCE_BYTES: Final = 16
_UNTIL: Final = "until"


class CookieTooLong(ValueError):  # noqa: N818 - names the condition
    """The cookie is longer than browsers store."""


class SealedCookies:
    """Seals and opens cookies of one kind (AES-SIV, RFC 5297, with a nonce).

    Each kind has its own key, derived from the hub's secret, so a cookie of one kind does not open as another.
    """

    def __init__(self, secret: bytes, kind: str) -> None:
        """Derive the key of this kind, such as `session`, from the hub's secret."""
        key = HKDF(algorithm=SHA256(), length=64, salt=None, info=f"simpul cookie {kind} v1".encode()).derive(secret)
        self._cipher = AESSIV(key)
        self._kind = kind

    def seal(self, values: Mapping[str, Any], *, until: float) -> str:
        """The cookie's text for the values. It opens until `until`, in seconds since 1970. Raises `CookieTooLong`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        text = json.dumps({**values, _UNTIL: until}, separators=(",", ":")).encode()
        sealed = urlsafe_b64encode(nonce + self._cipher.encrypt(text, [nonce])).decode().rstrip("=")
        if len(sealed) > MAX_COOKIE_LENGTH:
            raise CookieTooLong(f"A cookie of {len(sealed)} characters is longer than {MAX_COOKIE_LENGTH}.")
        return sealed

    def open(self, text: str, *, now: float) -> dict[str, Any] | None:
        """The values; None if this hub did not seal the text as this kind, or it expired."""
        if len(text) > MAX_COOKIE_LENGTH or not text.isascii():
            return None
        try:
            sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            nonce = sealed[:_NONCE_BYTES]
            values: dict[str, Any] = json.loads(self._cipher.decrypt(sealed[_NONCE_BYTES:], [nonce]))
        except (InvalidTag, NotBase64, ValueError):
            return None
        return values if now < values.pop(_UNTIL) else None

    def __repr__(self) -> str:
        """Never the key."""
        return f"<SealedCookies {self._kind}>"
