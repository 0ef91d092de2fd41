"""Sealed people in the hub's own tables: a table alone identifies no person, but rows can be found by person."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from records.identifiers import Nik


class InvalidPersonSeal(ValueError):  # noqa: N818 - reads as what it is
    """The seal was not made with this hub's secret."""


class SealedPeople:
    """Seals and opens NIKs (AES-SIV, RFC 5297). The same person always has the same seal.

    For tables from which the hub must recover the person. For others, `auth/crypto/pseudonyms.py` is enough.
    """

    def __init__(self, secret: bytes) -> None:
        """Derive the sealing key from the hub's secret."""
        key = HKDF(algorithm=SHA256(), length=64, salt=None, info=b"simpul sealed people v1").derive(secret)
        self._cipher = AESSIV(key)

    def seal(self, nik: Nik) -> bytes:
        """The seal of a person, 32 bytes."""
        return self._cipher.encrypt(nik.encode(), None)

    def open(self, sealed: bytes) -> Nik:
        """The person's NIK; raises `InvalidPersonSeal`."""
        try:
            return Nik(self._cipher.decrypt(sealed, None).decode())
        except (InvalidTag, ValueError) as error:
            raise InvalidPersonSeal("The person was sealed with another secret.") from error

    def __repr__(self) -> str:
        """Never the key."""
        return "<SealedPeople>"
