"""Decodes the `Content-Encoding` of a body in pieces, up to a maximum size (RFC 9110, section 8.4.1)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import partial
from typing import Final

from connectors.drivers.long_work import LongWork

ACCEPTED: Final = "gzip, deflate"
"""The encodings that `ContentDecoder` supports, as the value of `Accept-Encoding`."""

_SUPPORTED: Final = frozenset({"gzip", "deflate"})
_UNSUPPORTED: Final = frozenset({"br", "zstd"})
_GZIP: Final = 16 + zlib.MAX_WBITS
_ZLIB: Final = zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS
_ZLIB_METHOD: Final = 8
_PIECE: Final = 256
"""Compressed bytes for one step: they decode to at most 258 KiB (one deflated byte to at most 1,032)."""
_IMMEDIATE_BYTES: Final = 64 * 1024
"""Decoded bytes after which the rest waits for another turn."""
_BYTES_PER_TURN: Final = 1024 * 1024
"""Decoded bytes for one turn of the event loop: 1 to 3 ms (measured: 0.3 to 2.8 GB/s, zeros are the slowest)."""
_MAX_MEMBERS: Final = 1024
"""Maximum consecutive streams in one body. Real bodies have one; each needs a new decompressor."""


class BodyTooLong(Exception):  # noqa: N818 - named for what the body is
    """The decoded body exceeds its maximum size."""


class NotDecodable(Exception):  # noqa: N818 - named for what the body is
    """The body does not match its `Content-Encoding`. The error holds no part of the body."""


def build_decoder(encoding: str) -> ContentDecoder | None:
    """Returns the decoder for an encoding; None if the body is not encoded.

    Unknown encodings count as none, because some servers name a charset here. Raises NotDecodable for known encodings
    that were not requested.
    """
    named = encoding.strip().lower()
    if named in _UNSUPPORTED:
        raise NotDecodable
    return ContentDecoder(named) if named in _SUPPORTED else None


class ContentDecoder:
    """Decodes `gzip` (RFC 1952) and `deflate`, with zlib's wrapping (RFC 1950) or, as some servers send it, without."""

    def __init__(self, encoding: str) -> None:
        """Start with an empty body."""
        self._encoding = encoding
        self._inflating: zlib._Decompress | None = None
        self._members = 0

    @property
    def is_complete(self) -> bool:
        """Whether the body can end here."""
        return self._inflating is None or self._inflating.eof

    def feed(self, piece: bytes, max_bytes: int) -> bytes:
        """Decode the next piece, up to `max_bytes` bytes (at least 1).

        If it returns that many, more may be left, and the piece must be the last. Raises NotDecodable.
        """
        found = []
        try:
            while piece and max_bytes > 0:
                if self._inflating is None or self._inflating.eof:
                    self._inflating = self._member(piece)
                got = self._inflating.decompress(piece, max_bytes)
                max_bytes -= len(got)
                found.append(got)
                piece = self._inflating.unused_data
        except zlib.error:
            raise NotDecodable from None
        return found[0] if len(found) == 1 else b"".join(found)

    def _member(self, start: bytes) -> zlib._Decompress:
        self._members += 1
        if self._members > _MAX_MEMBERS:
            raise NotDecodable
        if self._encoding == "gzip":
            return zlib.decompressobj(_GZIP)
        return zlib.decompressobj(_ZLIB if start[0] & 0xF == _ZLIB_METHOD else _RAW)


async def decode_body(body: bytes, encoding: str, *, max_bytes: int, work: LongWork) -> bytes:
    """Decode a body, up to `max_bytes` bytes.

    A short body is decoded in one step, a long one in several turns of the event loop. Raises NotDecodable,
    BodyTooLong.
    """
    undoing = build_decoder(encoding)
    if undoing is None or not body:
        return body
    found = bytearray()
    rest = (body[start : start + _PIECE] for start in range(0, len(body), _PIECE))
    more = _decode_some(undoing, rest, found, max_bytes, _IMMEDIATE_BYTES)
    while more:
        more = await work.run(partial(_decode_some, undoing, rest, found, max_bytes, _BYTES_PER_TURN))
    if len(found) > max_bytes:
        raise BodyTooLong
    if not undoing.is_complete:
        raise NotDecodable
    return bytes(found)


def _decode_some(undoing: ContentDecoder, rest: Iterator[bytes], found: bytearray, max_bytes: int, size: int) -> bool:
    """Decode the next bytes. Returns whether more remain within the limit."""
    until = len(found) + size
    for piece in rest:
        found += undoing.feed(piece, max_bytes + 1 - len(found))
        if len(found) > max_bytes:
            return False
        if len(found) >= until:
            return True
    return False
