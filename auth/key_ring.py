"""Keys that replace one another: the newest seals, each that is known opens (AES-256-GCM, NIST SP 800-38D)."""

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


class UnknownKey(ValueError):  # noqa: N818 - reads as what it is
    """It was sealed with a key that is not in the ring."""


class NotSealedHere(ValueError):  # noqa: N818 - reads as what it is
    """It was changed, or sealed for another place."""


class KeyRing:
    """Seals bytes, each under a nonce of its own and bound to the place it is for.

    What is sealed is the id of its key (4 bytes), the nonce (12) and the ciphertext with its tag.
    """

    def __init__(self, secrets: Sequence[bytes], info: bytes) -> None:
        """Derive a key from each secret, for one use; the first seals."""
        keys = [HKDF(SHA256(), 32, None, info).derive(each) for each in secrets]
        self._ciphers = {sha256(b"key id " + key).digest()[:_KEY_ID]: AESGCM(key) for key in reversed(keys)}
        self._newest = sha256(b"key id " + keys[0]).digest()[:_KEY_ID]

    def seal(self, body: bytes, place: str) -> bytes:
        """The body, sealed for a place: moved elsewhere it does not open."""
        nonce = token_bytes(_NONCE)
        return self._newest + nonce + self._ciphers[self._newest].encrypt(nonce, body, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """The body; raises `UnknownKey` and `NotSealedHere`."""
        cipher = self._ciphers.get(sealed[:_KEY_ID])
        if cipher is None:
            raise UnknownKey
        nonce, body = sealed[_KEY_ID : _KEY_ID + _NONCE], sealed[_KEY_ID + _NONCE :]
        try:
            return cipher.decrypt(nonce, body, place.encode())
        except (InvalidTag, ValueError) as error:
            raise NotSealedHere from error

    def __len__(self) -> int:
        """How many keys."""
        return len(self._ciphers)

    def __repr__(self) -> str:
        """Never the keys."""
        return f"<KeyRing of {len(self)} keys>"
