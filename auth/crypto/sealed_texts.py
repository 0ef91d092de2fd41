"""Encrypted texts of people in the hub's own tables: without the hub's secret, the database reveals none of them."""

from __future__ import annotations

from collections.abc import Sequence

from auth.crypto.key_ring import InvalidSeal, KeyRing, UnknownKey


class UnreadableText(ValueError):  # noqa: N818 - reads as what it is
    """The text was sealed with another secret or for another place, or it was changed."""


class SealedTexts:
    """Seals texts, each bound to its place. Texts that were sealed with an earlier secret still open."""

    def __init__(self, secret: bytes, earlier_secrets: Sequence[bytes] = ()) -> None:
        """Derive a key from each secret."""
        self._keys = KeyRing((secret, *earlier_secrets), b"simpul sealed texts v1")

    def seal(self, text: str, associated_data: str) -> bytes:
        """Seal a text for a place, such as the number of a data request. Elsewhere it does not open."""
        return self._keys.seal(text.encode(), associated_data)

    def open(self, sealed: bytes, associated_data: str) -> str:
        """The text; raises `UnreadableText`."""
        try:
            return self._keys.open(sealed, associated_data).decode()
        except UnknownKey:
            raise UnreadableText("The text was sealed with a secret that this hub does not have.") from None
        except (InvalidSeal, UnicodeDecodeError) as error:
            raise UnreadableText("The text was changed, or belongs to another place.") from error

    def __repr__(self) -> str:
        """Never the keys."""
        return f"<SealedTexts of {len(self._keys)} secrets>"
