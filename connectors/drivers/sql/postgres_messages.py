"""Follows the messages of PostgreSQL's protocol by their headers, without keeping what they hold."""

from __future__ import annotations

import re
from string import ascii_letters, digits
from struct import Struct
from typing import Final

_HEADER: Final = Struct("!Bi")
"""A kind, and how long the message is without its kind: this length included."""
_SHORTEST: Final = 4
_KINDS: Final = frozenset((ascii_letters + digits).encode())
_MAX_ITERATIONS: Final = 200_000
"""Rounds of a password's hash: 30 ms in one piece. PostgreSQL's default is 4,096 (`scram_iterations`)."""
_ITERATIONS: Final = re.compile(rb",i=0*([0-9]+)")
"""As asyncpg looks for them in what a server says first (RFC 5802)."""


class MessageHeaders:
    """Checks the header of every message in a stream of pieces, cut anywhere.

    asyncpg loops forever on a negative length, and on a message of kind 0.
    https://www.postgresql.org/docs/current/protocol-message-formats.html
    """

    def __init__(self) -> None:
        """The first byte of the stream begins a message."""
        self._to_skip = 0
        self._begun = b""

    def check(self, piece: bytes) -> bool:
        """Follow the next piece of the stream; False where it holds a header that no server sends."""
        place = self._to_skip
        if self._begun:  # a header that was cut
            piece = self._begun + piece
        size = len(piece)
        while place + _HEADER.size <= size:
            kind, length = _HEADER.unpack_from(piece, place)
            if length < _SHORTEST or kind not in _KINDS:
                return False
            place += length + 1
        self._begun = piece[place:]
        self._to_skip = max(0, place - size)
        return True


def demands_costly_hash(login: bytes | bytearray) -> bool:
    """Whether a server demands a password hash that stops the event loop; `login` is all that it sent so far."""
    most = len(str(_MAX_ITERATIONS))
    return any(len(each) > most or int(each) > _MAX_ITERATIONS for each in _ITERATIONS.findall(login))
