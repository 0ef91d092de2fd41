"""Texts of people in the hub's own tables: encrypted, so that whoever holds the database alone reads none of them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_ID = 4
_NONCE = 12


class UnreadableText(ValueError):  # noqa: N818 - reads as what it is
    """The text was sealed with another secret, or for another place, or was changed."""


class SealedTexts:
    """Seals texts with AES-256-GCM (NIST SP 800-38D), each under a nonce of its own and bound to the place it is for.

    A sealed text is the id of its key (4 bytes), the nonce (12) and the ciphertext with its tag. New texts are sealed
    with the hub's secret; those that were sealed with an earlier one are found by the id of the key.
    """

    def __init__(self, secret: bytes, earlier: Sequence[bytes] = ()) -> None:
        """Derive a key from each secret."""
        keys = [HKDF(SHA256(), 32, None, b"simpul sealed texts v1").derive(each) for each in (secret, *earlier)]
        self._ciphers = {sha256(b"key id " + key).digest()[:_KEY_ID]: AESGCM(key) for key in reversed(keys)}
        self._newest = sha256(b"key id " + keys[0]).digest()[:_KEY_ID]

    def seal(self, text: str, place: str) -> bytes:
        """The text, sealed for a place, such as the number of a request: moved elsewhere it does not open."""
        nonce = token_bytes(_NONCE)
        return self._newest + nonce + self._ciphers[self._newest].encrypt(nonce, text.encode(), place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        """The text; raises `UnreadableText`."""
        cipher = self._ciphers.get(sealed[:_KEY_ID])
        nonce, body = sealed[_KEY_ID : _KEY_ID + _NONCE], sealed[_KEY_ID + _NONCE :]
        try:
            if cipher is None:
                raise UnreadableText("The text was sealed with a secret that this hub does not have.")
            return cipher.decrypt(nonce, body, place.encode()).decode()
        except (InvalidTag, ValueError) as error:
            if isinstance(error, UnreadableText):
                raise
            raise UnreadableText("The text was changed, or belongs elsewhere.") from error

    def __repr__(self) -> str:
        """Never the keys."""
        return f"<SealedTexts of {len(self._ciphers)} secrets>"
