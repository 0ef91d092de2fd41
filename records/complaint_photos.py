"""Keys of complaints' photos, as their sealed addresses hold them."""

from __future__ import annotations

from typing import Final, NamedTuple

from records.complaints import ComplaintPhoto

PHOTO_PATH: Final = "/photos/"
"""The hub's path of photos; the sealed key follows."""
PHOTO_TYPE_NAME: Final = "ComplaintPhoto"
MAX_SOURCE_LENGTH: Final = 150
"""Characters of a source; a key has to fit a sealed address."""
_STORED: Final = "stored:"
_SEPARATOR: Final = "\n"


class PhotoKey(NamedTuple):
    """What an address of a photo says."""

    agency: str
    complaint_id: str
    source: str


class StoredPhoto(NamedTuple):
    """A place in the hub's own store of files."""

    number: str
    """Of the command."""
    position: int


def get_photo_key(photo: ComplaintPhoto) -> str:
    """The key of a photo, as text."""
    return _SEPARATOR.join((photo.agency, photo.complaint_id, photo.source))


def parse_photo_key(text: str) -> PhotoKey | None:
    """The key in a text; None for another text."""
    parts = text.split(_SEPARATOR)
    return PhotoKey(*parts) if len(parts) == len(PhotoKey._fields) else None


def build_stored_source(number: str, position: int) -> str:
    """The source of a photo that waits in the hub."""
    return f"{_STORED}{number}:{position}"


def parse_stored_source(source: str) -> StoredPhoto | None:
    """The place of a photo in the hub's store; None for a link at the complaint system."""
    if not source.startswith(_STORED):
        return None
    number, _, position = source.removeprefix(_STORED).partition(":")
    return StoredPhoto(number, int(position)) if position.isdigit() else None
