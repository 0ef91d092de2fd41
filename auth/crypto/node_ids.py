"""Opaque, stable ids for the graph's nodes.

An id is sealed with the hub's key (AES-SIV, RFC 5297). The same record always has the same id, callers cannot read
the key in it, and a forged or changed id does not open.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_MAX_ID_LENGTH = 400
_MIN_ID_LENGTH = 23
"""Characters of the tag (16 bytes) and the separator of type and key, in base64."""


class UnknownNodeId(ValueError):  # noqa: N818 - reads as what it is
    """The id was not made by this hub."""


class NodeIds:
    """Seals and opens the ids of nodes."""

    def __init__(self, secret: bytes) -> None:
        """Derive the sealing key from the hub's secret (at least 32 bytes)."""
        if len(secret) < 32:  # noqa: PLR2004 - 256 bits
            raise ValueError(f"The hub's secret has {len(secret)} bytes; it needs at least 32.")
        key = HKDF(algorithm=SHA256(), length=64, salt=None, info=b"simpul node ids v1").derive(secret)
        self._cipher = AESSIV(key)

    def seal(self, type_name: str, key: str) -> str:
        """The id of the record of this type with this key."""
        sealed = self._cipher.encrypt(f"{type_name}\0{key}".encode(), None)
        return _encode(sealed)

    def open(self, node_id: str) -> tuple[str, str]:
        """The type name and the key in an id; raises `UnknownNodeId`."""
        if len(node_id) > _MAX_ID_LENGTH:
            raise UnknownNodeId("The id is longer than any id of this hub.")
        if len(node_id) < _MIN_ID_LENGTH:
            raise UnknownNodeId("The id was not made by this hub.")
        try:
            sealed = urlsafe_b64decode(node_id + "=" * (-len(node_id) % 4))
            # Python's base64 decoder skips invalid characters. Without this check a record would have several ids.
            if _encode(sealed) != node_id:
                raise UnknownNodeId("The id was not made by this hub.")
            type_name, _, key = self._cipher.decrypt(sealed, None).decode().partition("\0")
        except (InvalidTag, NotBase64, ValueError) as error:
            raise UnknownNodeId("The id was not made by this hub.") from error
        return type_name, key

    def __repr__(self) -> str:
        """Never the key."""
        return "<NodeIds>"


def _encode(sealed: bytes) -> str:
    return urlsafe_b64encode(sealed).decode().rstrip("=")
