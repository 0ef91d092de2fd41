"""Keys of personal snapshots: a file alone identifies no person, and a row opens only under the keys it is found by.

Each file has its own keys, derived from the hub's secret, the place of the file and a random salt. So files of two
days cannot be compared, rows cannot be moved between them, and no key seals more rows than random nonces allow (NIST
SP 800-38D, 8.3).
"""

from __future__ import annotations

from hashlib import sha256
from hmac import digest
from secrets import token_bytes

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from auth.crypto.key_ring import KeyRing, UnknownKey

_ID_BYTES = 4
_SALT_BYTES = 16
_DIGITS = 32
"""Hexadecimal digits of a hashed key, 128 bits: two of 2,000,000 keys collide with a chance of 1 in 10^26."""


class SnapshotFileKeys:
    """The keys of one file. They can be sent to the process that writes it."""

    def __init__(self, key: bytes) -> None:
        """Take the key of the file (`SnapshotKeys`)."""
        self._key = key
        self._rows = KeyRing([key], b"simpul snapshot rows v1")
        self._digests = digest(key, b"simpul snapshot keys v1", sha256)

    def hash_key(self, column: str, value: object) -> str:
        """The digest by which the file finds a value of a column. The same value in another column has another one."""
        return digest(self._digests, f"{column}\0{value}".encode(), sha256).hex()[:_DIGITS]

    def seal(self, body: bytes, associated_data: str) -> bytes:
        """Seal a row for the keys that it is found by."""
        return self._rows.seal(body, associated_data)

    def open(self, sealed: bytes, associated_data: str) -> bytes:
        """The row; raises `UnknownKey` and `InvalidSeal`, which are `ValueError`s."""
        return self._rows.open(sealed, associated_data)

    def __reduce__(self) -> tuple[type[SnapshotFileKeys], tuple[bytes]]:
        """Only the key of this file is sent, never the hub's secret."""
        return SnapshotFileKeys, (self._key,)

    def __repr__(self) -> str:
        """Never the key."""
        return "<SnapshotFileKeys>"


class SnapshotKeys:
    """Makes the keys of files. The newest secret makes new ones; those of earlier secrets can still be found."""

    def __init__(self, secret: bytes, *earlier_secrets: bytes) -> None:
        """Derive a key from each secret."""
        roots = [_derive(each, b"simpul snapshots v1") for each in (secret, *earlier_secrets)]
        ids = [sha256(b"key id " + each).digest()[:_ID_BYTES] for each in roots]
        self._roots = dict(zip(ids, roots, strict=True))
        self._newest = ids[0]

    def create(self, place: str) -> tuple[str, SnapshotFileKeys]:
        """A new mark, which the file holds in plain text, and its keys. `place` is where the file is used."""
        mark = (self._newest + token_bytes(_SALT_BYTES)).hex()
        return mark, self.find(place, mark)

    def find(self, place: str, mark: str) -> SnapshotFileKeys:
        """The keys of the file with this mark; raises `UnknownKey`."""
        raw = bytes.fromhex(mark)
        root = self._roots.get(raw[:_ID_BYTES])
        if root is None:
            raise UnknownKey("It was sealed with a key that is not known.")
        return SnapshotFileKeys(_derive(root, f"{place}\0".encode() + raw[_ID_BYTES:]))

    def is_newest(self, mark: str) -> bool:
        """Whether the file was sealed with the newest secret."""
        return bytes.fromhex(mark)[:_ID_BYTES] == self._newest

    def __repr__(self) -> str:
        """Never the keys."""
        return f"<SnapshotKeys of {len(self._roots)} secrets>"


def _derive(secret: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)
