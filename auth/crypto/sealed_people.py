"""Sealed people in the hub's own tables: a table alone identifies no person, but rows can be found by person."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from records.identifiers import Nik


class InvalidPersonSeal(ValueError):  # noqa: N818 - reads as what it is
    """The seal was not made with this hub's secret."""


class SealedPeople:
    """Seals and opens NIKs (AES-SIV, RFC 5297). One secret gives a person one seal; earlier secrets still open theirs.

    For tables from which the hub must recover the person. For others, `auth/crypto/pseudonyms.py` is enough.
    """

    def __init__(self, secret: bytes, earlier_secrets: Sequence[bytes] = ()) -> None:
        """Derive a sealing key from each of the hub's secrets."""
        self._ciphers = [_build_cipher(each) for each in (secret, *earlier_secrets)]

    def seal(self, nik: Nik) -> bytes:
        """The seal of a person, 32 bytes."""
        return self._ciphers[0].encrypt(nik.encode(), None)

    def list_seals(self, nik: Nik) -> Sequence[bytes]:
        """The seals that rows of the person may have: that of the newest secret, then those of earlier ones."""
        return [each.encrypt(nik.encode(), None) for each in self._ciphers]

    def open(self, sealed: bytes) -> Nik:
        """The person's NIK; raises `InvalidPersonSeal`."""
        for each in self._ciphers:
            try:
                return Nik(each.decrypt(sealed, None).decode())
            except (InvalidTag, ValueError):
                continue
        raise InvalidPersonSeal("The person was sealed with another secret.")

    def __repr__(self) -> str:
        """Never the keys."""
        return f"<SealedPeople of {len(self._ciphers)} secrets>"


def _build_cipher(secret: bytes) -> AESSIV:
    return AESSIV(HKDF(algorithm=SHA256(), length=64, salt=None, info=b"simpul sealed people v1").derive(secret))
