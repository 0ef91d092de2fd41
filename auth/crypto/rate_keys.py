"""Callers in what is counted: by keyed digests, so that a shared store names nobody, and is no key to the ledger."""

from __future__ import annotations

from hashlib import sha256
from hmac import digest

_DIGITS = 32
"""Hexadecimal digits, 128 bits: two callers of a whole country share a digest with a chance of 1 in 10^22."""


class RateKeys:
    """Makes keys; without the hub's secret nobody can tell whose one is."""

    def __init__(self, secret: bytes) -> None:
        """Derive a key of its own from the hub's secret."""
        self._secret = digest(secret, b"simpul rates v1", sha256)

    def __call__(self, *parts: str) -> str:
        """The key of what these words name together."""
        return digest(self._secret, "\0".join(parts).encode("utf-8", "surrogatepass"), sha256).hex()[:_DIGITS]

    def __repr__(self) -> str:
        """Never the key."""
        return "<RateKeys>"
