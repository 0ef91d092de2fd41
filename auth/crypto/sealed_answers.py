"""Answers with personal data, sealed wherever they leave the process (UU PDP 27/2022, article 35)."""

from __future__ import annotations

from collections.abc import Sequence

from auth.crypto.key_ring import InvalidSeal, KeyRing, UnknownKey


class SealedAnswers:
    """Seals answers; each is bound to the name under which it is kept.

    Keys are replaced one after another: a new one is put first, the old one stays until nothing is left that was sealed
    with it.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        """Derive a key of its own from each secret; the first seals. Raises `ValueError` for no secret."""
        if not secrets:
            raise ValueError("Answers cannot be sealed without a secret. Give at least one.")
        self._keys = KeyRing(secrets, b"simpul kept answers v1")

    def seal(self, body: bytes, name: str) -> bytes:
        """The sealed body."""
        return self._keys.seal(body, name)

    def open(self, sealed: bytes, name: str) -> bytes:
        """The body; raises `ValueError` where it was sealed with no known key, for another name, or was changed."""
        try:
            return self._keys.open(sealed, name)
        except UnknownKey:
            raise ValueError("The answer was sealed with a key that is not known.") from None
        except InvalidSeal as error:
            raise ValueError("The answer was changed, or sealed for another name.") from error

    def __repr__(self) -> str:
        """How many keys, never which."""
        return f"<SealedAnswers {len(self._keys)} keys>"
