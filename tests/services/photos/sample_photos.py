"""Sample photos, and files that pretend to be some."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageDraw

RED, BLUE = (200, 20, 20), (20, 20, 200)
_ZEROS_OF_A_BLOCK = 1_000_000


def draw_photo(width: int = 320, height: int = 240) -> Image.Image:
    """A red picture whose upper left quarter is blue."""
    image = Image.new("RGB", (width, height), RED)
    ImageDraw.Draw(image).rectangle((0, 0, width // 2, height // 2), fill=BLUE)
    return image


def build_photo(kind: str = "JPEG", width: int = 320, height: int = 240, **how: Any) -> bytes:  # noqa: ANN401 - of Pillow
    """The bytes of that picture."""
    written = io.BytesIO()
    draw_photo(width, height).save(written, kind, **how)
    return written.getvalue()


def build_noise(width: int, height: int, kind: str = "JPEG", **how: Any) -> bytes:  # noqa: ANN401 - of Pillow
    """The bytes of a picture that cannot be compressed well."""
    written = io.BytesIO()
    Image.effect_noise((width, height), 80).convert("RGB").save(written, kind, **how)
    return written.getvalue()


def build_empty_png(width: int, height: int) -> bytes:
    """A PNG of one colour without its pixels in memory: a few bytes may claim any size."""
    zeros = height * (1 + 3 * width)
    blocks, rest = divmod(zeros, _ZEROS_OF_A_BLOCK)
    # A block after a full flush needs no earlier one, so it is compressed once. ADLER-32 of zeros is (their number, 1).
    checksum = struct.pack(">HH", zeros % 65_521, 1)
    body = b"\x78\xda" + _deflate(_ZEROS_OF_A_BLOCK) * blocks + _deflate(rest) + b"\x03\x00" + checksum
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = b"".join(_build_chunk(name, data) for name, data in ((b"IHDR", head), (b"IDAT", body), (b"IEND", b"")))
    return b"\x89PNG\r\n\x1a\n" + chunks


def _deflate(zeros: int) -> bytes:
    block = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return block.compress(bytes(zeros)) + block.flush(zlib.Z_FULL_FLUSH)


def _build_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
