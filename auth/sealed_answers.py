"""Answers with personal data, sealed wherever they leave the process (UU PDP 27/2022, article 35)."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from os import urandom

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12
_KEY_ID = 4


class SealedAnswers:
    """Seals with the newest key and opens with every one that is known (AES-256-GCM, NIST SP 800-38D).

    Each seal begins with the id of its key, so keys are replaced one after another: a new one is put first, the old one
    stays until nothing is left that was sealed with it. A seal is bound to the name under which it is kept.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        """Derive a key of its own from each secret; the first seals. Raises `ValueError` for no secret."""
        if not secrets:
            raise ValueError("Answers cannot be sealed without a secret. Give at least one.")
        keys = [HKDF(SHA256(), 32, None, b"simpul kept answers v1").derive(each) for each in secrets]
        self._ciphers = {sha256(each).digest()[:_KEY_ID]: AESGCM(each) for each in keys}
        self._newest = next(iter(self._ciphers))

    def seal(self, body: bytes, name: str) -> bytes:
        """The sealed body."""
        nonce = urandom(_NONCE)
        return self._newest + nonce + self._ciphers[self._newest].encrypt(nonce, body, name.encode())

    def open(self, sealed: bytes, name: str) -> bytes:
        """The body; raises `ValueError` where it was sealed with no known key, for another name, or was changed."""
        cipher = self._ciphers.get(sealed[:_KEY_ID])
        if cipher is None:
            raise ValueError("The answer was sealed with a key that is not known.")
        nonce, body = sealed[_KEY_ID : _KEY_ID + _NONCE], sealed[_KEY_ID + _NONCE :]
        try:
            return cipher.decrypt(nonce, body, name.encode())
        except (InvalidTag, ValueError) as error:
            raise ValueError("The answer was changed, or sealed for another name.") from error

    def __repr__(self) -> str:
        """How many keys, never which."""
        return f"<SealedAnswers {len(self._ciphers)} keys>"
