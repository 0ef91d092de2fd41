"""Forms with files (multipart/form-data, RFC 7578)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

_ESCAPES: Final = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
"""As browsers escape names (HTML, "multipart form data")."""


class FormFile(NamedTuple):
    """A file in a form."""

    name: str
    """Name of the field."""
    filename: str
    media_type: str
    content: bytes


def encode_form(fields: Iterable[tuple[str, str]], files: Sequence[FormFile]) -> tuple[bytes, str]:
    """The body of a form with files, and its `Content-Type`. Equal forms have equal bytes."""
    parts = [(f'name="{name.translate(_ESCAPES)}"', "", value.encode()) for name, value in fields]
    for each in files:
        place = f'name="{each.name.translate(_ESCAPES)}"; filename="{each.filename.translate(_ESCAPES)}"'
        parts.append((place, f"Content-Type: {each.media_type}\r\n", each.content))
    digest = sha256()
    for _, _, content in parts:
        digest.update(content)
    boundary = f"simpul-{digest.hexdigest()}"  # what contains its own digest does not exist
    pieces: list[bytes] = []
    for place, more, content in parts:
        head = f"--{boundary}\r\nContent-Disposition: form-data; {place}\r\n{more}\r\n"
        pieces += [head.encode(), content, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    return b"".join(pieces), f"multipart/form-data; boundary={boundary}"
