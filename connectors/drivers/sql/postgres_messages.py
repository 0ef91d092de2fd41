"""Checks the message headers of PostgreSQL's protocol, without storing the contents."""

from __future__ import annotations

import re
from string import ascii_letters, digits
from struct import Struct
from typing import Final

_HEADER: Final = Struct("!Bi")
"""The type byte, and the length of the message without it, including the length field."""
_unpack: Final = _HEADER.unpack_from
_SHORTEST: Final = 4
_KINDS: Final = frozenset((ascii_letters + digits).encode())
_DATA_ROW: Final = ord("D")
_MAX_ITERATIONS: Final = 200_000
"""Maximum hash iterations of a password: 30 ms without interruption. PostgreSQL's default is 4,096."""
_ITERATIONS: Final = re.compile(rb",i=0*([0-9]+)")
"""The pattern by which asyncpg finds them in the server's first message (RFC 5802)."""


class MessageHeaders:
    """Checks the header of every message in a stream, whose pieces may be cut anywhere, and counts rows.

    asyncpg loops forever on a negative length, and on a message of type 0.
    https://www.postgresql.org/docs/current/protocol-message-formats.html
    """

    def __init__(self, most_rows: int) -> None:
        """Starts at the first byte of a message."""
        self._most_rows = most_rows
        self._to_skip = 0
        self._begun = b""
        self.rows = 0
        """Rows since the statement began, up to one more than the most."""

    def check(self, piece: bytes) -> bool:
        """Check the next piece of the stream, up to the first row too many. Returns False at an invalid header."""
        place = self._to_skip
        rows = self.rows
        if self._begun:  # a header that was cut
            piece = self._begun + piece
        size = len(piece)
        last = size - _HEADER.size
        while place <= last:
            kind, length = _unpack(piece, place)
            if length < _SHORTEST or kind not in _KINDS:
                return False
            place += length + 1
            if kind == _DATA_ROW:
                rows += 1
                if rows > self._most_rows:
                    break
        self.rows = rows
        self._begun = piece[place:]
        self._to_skip = max(0, place - size)
        return True


def demands_costly_hash(login: bytes | bytearray) -> bool:
    """Whether a server demands a password hash that stops the event loop; `login` is everything it has sent."""
    most = len(str(_MAX_ITERATIONS))
    return any(len(each) > most or int(each) > _MAX_ITERATIONS for each in _ITERATIONS.findall(login))
