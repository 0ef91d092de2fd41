"""Keys of rate counters: keyed digests of callers, so that a shared store identifies no caller.

They differ from the ledger's pseudonyms, so the two cannot be linked.
"""

from __future__ import annotations

from hashlib import sha256
from hmac import digest

_DIGITS = 32
"""Hexadecimal digits, 128 bits: among all people of a country, the chance that two share a key is 1 in 10^22."""


class RateKeys:
    """Computes keys. Without the hub's secret, a key does not reveal its caller."""

    def __init__(self, secret: bytes) -> None:
        """Derive the digest key from the hub's secret."""
        self._secret = digest(secret, b"simpul rates v1", sha256)

    def __call__(self, *parts: str) -> str:
        """The key for the parts together."""
        return digest(self._secret, "\0".join(parts).encode("utf-8", "surrogatepass"), sha256).hex()[:_DIGITS]

    def __repr__(self) -> str:
        """Never the key."""
        return "<RateKeys>"
