"""Confirmation codes: an HMAC over the person, the content and the expiry. Nothing is stored."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest, digest
from time import time
from typing import Final

from records.identifiers import Nik

LIFETIME: Final = 600
"""Seconds for which a code is valid."""
_EXPIRY_BYTES: Final = 5


class SignedConfirmations:
    """Makes and checks codes with a key of the hub's secret."""

    def __init__(self, secret: bytes, clock: Callable[[], float] = time) -> None:
        """`clock` is in seconds since 1970."""
        self._key = digest(secret, b"simpul confirmations v1", sha256)
        self._clock = clock

    def build_code(self, subject: Nik, content: str) -> str:
        """A code for this person and content."""
        expiry = (int(self._clock()) + LIFETIME).to_bytes(_EXPIRY_BYTES)
        return urlsafe_b64encode(expiry + self._sign(expiry, subject, content)).decode().rstrip("=")

    def is_valid(self, code: str, subject: Nik, content: str) -> bool:
        """Whether a code is for this person and content, and has not expired."""
        try:
            given = urlsafe_b64decode(code + "=" * (-len(code) % 4))
        except ValueError:
            return False
        expiry, signature = given[:_EXPIRY_BYTES], given[_EXPIRY_BYTES:]
        is_signed = compare_digest(signature, self._sign(expiry, subject, content))
        return is_signed and self._clock() < int.from_bytes(expiry)

    def _sign(self, expiry: bytes, subject: Nik, content: str) -> bytes:
        return digest(self._key, expiry + f"{subject} {content}".encode(), sha256)
