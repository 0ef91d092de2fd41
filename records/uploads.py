"""Files that people send with a request, and the photos that the hub makes of them."""

from __future__ import annotations

from dataclasses import field
from typing import Final

from records.record import record

MAX_FILE_BYTES: Final = 12 * 1024 * 1024
"""Maximum size of a file. The camera of a phone writes 3 to 10 MB."""


@record
class UploadedFile:
    """A file of a request, unchecked. Files are equal if their bytes are."""

    digest: str
    """SHA-256 of all its bytes, in hexadecimal."""
    content: bytearray | None = field(compare=False, repr=False)
    """Its bytes; None if there are more than `MAX_FILE_BYTES`."""


@record
class NewPhoto:
    """A photo of a command, as the command names it. Its bytes are stored apart (`CommandFile`)."""

    digest: str
    """SHA-256 of the file that the person sent: the same file again is the same command."""
    alternative_text: str
    width: int
    height: int
    """In pixels."""


@record
class PhotoUpload:
    """A photo to check: the file, and the text for people who cannot see it."""

    file: UploadedFile
    alternative_text: str


@record
class CommandFile:
    """A checked file of a command."""

    content: bytes = field(repr=False)


def find_image_type(content: bytes) -> str | None:
    """The media type of an image that browsers may show, by its first bytes; None for anything else."""
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    return "image/webp" if content.startswith(b"RIFF") and content[8:12] == b"WEBP" else None


PHOTO_TYPE: Final = "image/jpeg"
"""The media type of every checked photo."""


@record
class CheckedPhoto:
    """A photo without metadata, as the hub stores and sends it: a JPEG in sRGB, upright."""

    content: bytes = field(repr=False)
    width: int
    height: int
