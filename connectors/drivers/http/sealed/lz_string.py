"""Decompresses LZ-string's `compressToEncodedURIComponent`, up to a maximum length.

Written here, because no package for Python bounds the output: 3 KiB of such a text can hold a million signs. The format
is that of npm's `lz-string` 1.5: bits in signs of six, the first bit of a number being its lowest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from connectors.drivers.http.body_format import UnparsableBody

_SIGNS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-$"
_BITS: Final = {ord(sign): f"{value:06b}" for value, sign in enumerate(_SIGNS[:64])} | {ord(" "): f"{62:06b}"}
"""A blank is a plus sign that passed a form. The last sign fills up, and holds nothing."""
_CHUNK: Final = 1024
"""Signs of the text that are turned into bits together."""
_CODES_A_PIECE: Final = 2048
"""Codes for one step: 2 ms."""
_CHARACTER_BITS: Final = {0: 8, 1: 16}
_END: Final = 2
_BROKEN: Final = "holds a text that is not compressed, or breaks off"


class _BitReader:
    """Numbers from the bits of a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._bits = ""
        self._used = 0

    def read(self, count: int) -> int:
        """The next number of this many bits. Raises `UnparsableBody`."""
        end = self._used + count
        if end > len(self._bits):
            chunk = self._text[self._at : self._at + _CHUNK]
            self._at += len(chunk)
            bits = chunk.translate(_BITS)
            if len(bits) != 6 * len(chunk) or not chunk:
                raise UnparsableBody(_BROKEN)
            self._bits = self._bits[self._used :] + bits
            self._used, end = 0, count
            if end > len(self._bits):
                raise UnparsableBody(_BROKEN)
        found = int(self._bits[self._used : end][::-1], 2)
        self._used = end
        return found


class _Entries:
    """The texts that codes stand for. Codes grow by a bit when their number doubles."""

    def __init__(self, first: str) -> None:
        self.known = ["", "", "", first]
        self.width = 3
        self._left = 4

    def add(self, entry: str) -> None:
        """Give the next code to a text."""
        self.known.append(entry)
        self._left -= 1
        if not self._left:
            self._left, self.width = 1 << self.width, self.width + 1


def decompress_pieces(text: str, max_length: int) -> Iterator[str]:
    """The pieces of the original text, each a step of some milliseconds.

    Raises UnparsableBody for a text that is not compressed, and for an original with more than `max_length` UTF-16
    units.
    """
    reader = _BitReader(text.rstrip("$"))
    if (code := reader.read(2)) == _END:
        return
    if code not in _CHARACTER_BITS:
        raise UnparsableBody(_BROKEN)
    entry = chr(reader.read(_CHARACTER_BITS[code]))
    entries, length, piece = _Entries(entry), 1, [entry]
    while (code := reader.read(entries.width)) != _END:
        if code in _CHARACTER_BITS:
            entries.add(chr(reader.read(_CHARACTER_BITS[code])))
            code = len(entries.known) - 1
        if code > len(entries.known):
            raise UnparsableBody(_BROKEN)
        following = entries.known[code] if code < len(entries.known) else entry + entry[0]
        length += len(following)
        if length > max_length:
            raise UnparsableBody(f"holds a compressed text of more than {max_length} characters")
        piece.append(following)
        entries.add(entry + following[0])
        entry = following
        if len(piece) >= _CODES_A_PIECE:
            yield "".join(piece)
            piece = []
    yield "".join(piece)
