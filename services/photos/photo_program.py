"""A program that makes a photo of a file, in a process for it: a file from a stranger is decoded nowhere else.

It reads the file on standard input. It writes a line with "ok", width and height, and then the JPEG; or a line with the
reason why it made none. It imports nothing of the hub, so that it starts within a tenth of a second.
"""

from __future__ import annotations

import io
import resource
import sys
from contextlib import suppress
from typing import Final, NamedTuple

from PIL import Image, ImageCms, ImageOps

FORMATS: Final = ("JPEG", "PNG", "WEBP")
MAX_PIXELS: Final = 50_000_000
MAX_SIDE: Final = 2_048
"""Pixels of the longer side of what it writes."""
QUALITY: Final = 85
MAX_MEMORY: Final = 512 * 1024 * 1024
"""Bytes of address space: 50 million pixels in four channels, and a copy while they are scaled."""
MAX_SECONDS: Final = 15
"""Processor time."""
_ANIMATED: Final = frozenset({"PNG", "WEBP"})
"""Formats that can be animated. A second image in a JPEG is a preview or a depth map, which phones add."""
_WHITE: Final = (255, 255, 255)

UNSUPPORTED, UNREADABLE, TOO_LARGE = "UNSUPPORTED_FILE", "UNREADABLE_FILE", "FILE_TOO_LARGE"


class Photo(NamedTuple):
    """A photo that was made."""

    jpeg: bytes
    width: int
    height: int


class RefusedPhoto(Exception):  # noqa: N818 - a condition, not a fault
    """The file is no photo that the hub takes. The text is the code of the reason."""


def make_photo(content: bytes) -> Photo:
    """The photo as a JPEG in sRGB, upright and without metadata.

    Raises `RefusedPhoto`.
    """
    try:
        return _write(_decode(content))
    except MemoryError:
        raise RefusedPhoto(TOO_LARGE) from None
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, ArithmeticError):  # Pillow's, of damage
        raise RefusedPhoto(UNREADABLE) from None


def _decode(content: bytes) -> Image.Image:
    Image.MAX_IMAGE_PIXELS = None  # the header's size is checked below, before anything is decoded
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except (OSError, ValueError, SyntaxError):
        raise RefusedPhoto(UNREADABLE if _has_known_start(content) else UNSUPPORTED) from None
    if image.width * image.height > MAX_PIXELS:
        raise RefusedPhoto(TOO_LARGE)
    if image.format in _ANIMATED and getattr(image, "is_animated", False):
        raise RefusedPhoto(UNSUPPORTED)
    image.draft("RGB", (MAX_SIDE, MAX_SIDE))  # a large JPEG is decoded at a fraction of its size
    image.load()
    return image


def _write(image: Image.Image) -> Photo:
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    painted = _to_srgb(ImageOps.exif_transpose(image))
    # A new image has none of the metadata, comments and profiles of the file.
    clean = Image.new("RGB", painted.size, _WHITE)
    clean.paste(painted, mask=painted.getchannel("A") if painted.mode == "RGBA" else None)
    written = io.BytesIO()
    clean.save(written, "JPEG", quality=QUALITY, optimize=True)
    return Photo(written.getvalue(), clean.width, clean.height)


def _to_srgb(image: Image.Image) -> Image.Image:
    """The image in RGB, or RGBA if it is transparent."""
    is_transparent = image.has_transparency_data
    profile = image.info.get("icc_profile")
    if profile and image.mode in {"RGB", "CMYK"}:
        with suppress(ImageCms.PyCMSError, OSError):  # a broken profile counts as none
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            found = ImageCms.profileToProfile(image, given, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if found is not None and not is_transparent:
                return found
    if image.mode.startswith("I"):  # 16 bits a channel
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    return image.convert("RGBA" if is_transparent else "RGB")


def _has_known_start(content: bytes) -> bool:
    return content.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or (
        content.startswith(b"RIFF") and content[8:12] == b"WEBP"
    )


def main() -> None:
    """Read the file, and write the photo or the reason."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    content = sys.stdin.buffer.read()
    try:
        photo = make_photo(content)
    except RefusedPhoto as refusal:
        sys.stdout.buffer.write(f"{refusal}\n".encode())
    else:
        sys.stdout.buffer.write(f"ok {photo.width} {photo.height}\n".encode() + photo.jpeg)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
