"""Which application a token names: a client of one issuer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Self

_ISSUER: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,29}", re.ASCII)
_SEPARATOR: Final = "/"
_MAX_NAME_LENGTH: Final = 100
MAX_CLIENT_ID_LENGTH: Final = 30 + len(_SEPARATOR) + _MAX_NAME_LENGTH
"""Characters of the longest one as text."""


class ClientId(str):
    """An issuer and the name it gives to an application, written `issuer/name`; hubs know clients by nothing less.

    Two issuers may give the same name to two applications, and neither may be taken for the other. The text is what is
    stored, counted, logged and compared, so the value is that text. No issuer's name holds a `/`, so no two pairs are
    written alike, whatever the application is called.
    """

    __slots__ = ()

    def __new__(cls, issuer: str, name: str) -> Self:
        """Take the issuer by the name of its entry (`auth/tokens/issuers.py`), and the client as its tokens name it.

        Raises ValueError, which echoes nothing, for what is no such name.
        """
        if not _ISSUER.fullmatch(issuer):
            raise ValueError("The issuer of a client is not a valid issuer name.")
        if not name.strip() or len(name) > _MAX_NAME_LENGTH or not name.isprintable():
            raise ValueError(f"The name of a client has 1 to {_MAX_NAME_LENGTH} printable characters.")
        return super().__new__(cls, f"{issuer}{_SEPARATOR}{name}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `issuer/name`; raises ValueError."""
        issuer, separator, name = text.partition(_SEPARATOR)
        if not separator or not _ISSUER.fullmatch(issuer):
            raise ValueError(
                "a client is written 'issuer/client_id', with the issuer by its name in SIMPUL_ISSUERS: 'city/portal'"
            )
        return cls(issuer, name)

    @classmethod
    def without_issuer(cls, name: str) -> Self:
        """A client that no token can name, because it has no issuer: the hub itself, the city's own frontends."""
        if _SEPARATOR in name:
            raise ValueError("A client without an issuer has no '/' in its name.")
        return super().__new__(cls, name)

    @classmethod
    def from_stored(cls, text: str) -> Self:
        """The client of a row, as it was written."""
        return super().__new__(cls, text)

    @property
    def issuer(self) -> str:
        """The name of its issuer; empty where no issuer proves it."""
        issuer, separator, _ = self.partition(_SEPARATOR)
        return issuer if separator else ""

    @property
    def name(self) -> str:
        """What the issuer's tokens call it (`client_id`)."""
        issuer, separator, name = self.partition(_SEPARATOR)
        return name if separator else issuer

    def __reduce__(self) -> tuple[Callable[[str], Self], tuple[str]]:
        """How a copy is made in another process."""
        return self.from_stored, (str(self),)
