"""Tokens that overseers see in place of the ledger's pseudonyms.

A person has the same pseudonym in all entries. An overseer who collected pseudonyms could link one person's entries
across cases, and compare them with other overseers. So overseers see tokens: pseudonyms sealed (AES-SIV, RFC 5297) for
one overseer and one case. In one case, all entries of a person have the same token. In another case, or for another
overseer, they have a different one, and only the hub can link the two.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from auth.caller import Caller

_LENGTH = 64
"""Characters of a token: 16 bytes of the tag and 32 of the pseudonym, in base64."""


class UnknownToken(ValueError):  # noqa: N818 - reads as what it is
    """The token was not made for this overseer and this case."""


class EntryTokens:
    """Seals pseudonyms for one viewer and opens them again."""

    def __init__(self, secret: bytes) -> None:
        """Derive the sealing key from the hub's secret."""
        key = HKDF(algorithm=SHA256(), length=64, salt=None, info=b"simpul ledger tokens v1").derive(secret)
        self._cipher = AESSIV(key)

    def seal(self, pseudonym: bytes, viewer: bytes) -> str:
        """Seal a pseudonym for a viewer (`build_viewer_key`)."""
        return urlsafe_b64encode(self._cipher.encrypt(pseudonym, [viewer])).decode()

    def open(self, token: str, viewer: bytes) -> bytes:
        """The pseudonym in a token; raises `UnknownToken`."""
        if len(token) != _LENGTH:
            raise UnknownToken("The token was not made by this hub.")
        try:
            return self._cipher.decrypt(urlsafe_b64decode(token), [viewer])
        except (InvalidTag, NotBase64, ValueError) as error:
            raise UnknownToken("The token was not made for this overseer and this case.") from error

    def __repr__(self) -> str:
        """Never the key."""
        return "<EntryTokens>"


def build_viewer_key(caller: Caller) -> bytes:
    """The viewer of sealed tokens: the caller and their case."""
    parts = (caller.kind.value, caller.subject, caller.agency or "", caller.client or "", caller.case or "")
    return "\0".join(parts).encode()
