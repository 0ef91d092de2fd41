"""The identity of an application: a client of one issuer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Self

_ISSUER: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,29}", re.ASCII)
_SEPARATOR: Final = "/"
_MAX_NAME_LENGTH: Final = 100
MAX_CLIENT_ID_LENGTH: Final = 30 + len(_SEPARATOR) + _MAX_NAME_LENGTH
"""Length of the longest id, in characters."""


class ClientId(str):
    """An issuer and the name it gives to an application, written `issuer/name`.

    Two issuers may give the same name to two applications, so the name alone does not identify a client. The text is
    stored, counted, logged and compared, so the value is that text. An issuer's name has no `/`, so no two pairs have
    the same text.
    """

    __slots__ = ()

    def __new__(cls, issuer: str, name: str) -> Self:
        """Combines the issuer's name (`auth/tokens/issuers.py`) and the client's name in its tokens.

        Raises ValueError for an invalid name. The error does not contain the name.
        """
        if not _ISSUER.fullmatch(issuer):
            raise ValueError("The issuer of a client is not a valid issuer name.")
        if not name.strip() or len(name) > _MAX_NAME_LENGTH or not name.isprintable():
            raise ValueError(f"The name of a client has 1 to {_MAX_NAME_LENGTH} printable characters.")
        return super().__new__(cls, f"{issuer}{_SEPARATOR}{name}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses `issuer/name`. Raises ValueError."""
        issuer, separator, name = text.partition(_SEPARATOR)
        if not separator or not _ISSUER.fullmatch(issuer):
            raise ValueError(
                "a client is written 'issuer/client_id', with the issuer by its name in SIMPUL_ISSUERS: 'city/portal'"
            )
        return cls(issuer, name)

    @classmethod
    def without_issuer(cls, name: str) -> Self:
        """Builds a client that no token can name, because it has no issuer: the hub itself, the city's frontends."""
        if _SEPARATOR in name:
            raise ValueError("A client without an issuer has no '/' in its name.")
        return super().__new__(cls, name)

    @classmethod
    def from_stored(cls, text: str) -> Self:
        """Builds the client from a stored row, without a check."""
        return super().__new__(cls, text)

    @property
    def issuer(self) -> str:
        """The name of the issuer; empty for a client without an issuer."""
        issuer, separator, _ = self.partition(_SEPARATOR)
        return issuer if separator else ""

    @property
    def name(self) -> str:
        """The client's name in the issuer's tokens (`client_id`)."""
        issuer, separator, name = self.partition(_SEPARATOR)
        return name if separator else issuer

    def __reduce__(self) -> tuple[Callable[[str], Self], tuple[str]]:
        """Pickles the client as its text, for other processes."""
        return self.from_stored, (str(self),)
