"""Encryption with keys that can be replaced: the newest key seals, all known keys open (AES-256-GCM, NIST SP 800-38D).

To replace a key, put a new one first. Keep the old one until nothing is left that was sealed with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
ANSWER_INFO = b"simpul kept answers v1"
"""For cached answers with personal data outside the process (UU PDP 27/2022, article 35)."""


class UnknownKey(ValueError):  # noqa: N818 - reads as what it is
    """The bytes were sealed with a key that is not in the ring."""


class InvalidSeal(ValueError):  # noqa: N818 - reads as what it is
    """The bytes were changed, or sealed for another place."""


class KeyRing:
    """Seals bytes with a new nonce each time, bound to the place where they are stored.

    Sealed bytes are the id of the key (4 bytes), the nonce (12) and the ciphertext with its tag.
    """

    def __init__(self, secrets: Sequence[bytes], info: bytes) -> None:
        """Derive a key from each secret, for the use that `info` names. The first seals.

        Raises `ValueError` if there is no secret.
        """
        if not secrets:
            raise ValueError("A key ring needs a secret. Give at least one.")
        keys = [HKDF(SHA256(), 32, None, info).derive(each) for each in secrets]
        self._ciphers = {sha256(b"key id " + key).digest()[:_KEY_ID_BYTES]: AESGCM(key) for key in reversed(keys)}
        self._newest = sha256(b"key id " + keys[0]).digest()[:_KEY_ID_BYTES]

    def seal(self, body: bytes, associated_data: str) -> bytes:
        """Seal the body for a place, such as a cache key or a case number. Elsewhere it does not open."""
        nonce = token_bytes(_NONCE_BYTES)
        return self._newest + nonce + self._ciphers[self._newest].encrypt(nonce, body, associated_data.encode())

    def open(self, sealed: bytes, associated_data: str) -> bytes:
        """The body; raises `UnknownKey` and `InvalidSeal`."""
        cipher = self._ciphers.get(sealed[:_KEY_ID_BYTES])
        if cipher is None:
            raise UnknownKey("It was sealed with a key that is not known.")
        nonce, body = sealed[_KEY_ID_BYTES : _KEY_ID_BYTES + _NONCE_BYTES], sealed[_KEY_ID_BYTES + _NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, body, associated_data.encode())
        except (InvalidTag, ValueError) as error:
            raise InvalidSeal("It was changed, or sealed for another place.") from error

    def __len__(self) -> int:
        """The number of keys."""
        return len(self._ciphers)

    def __repr__(self) -> str:
        """Never the keys."""
        return f"<KeyRing {len(self)} keys>"
