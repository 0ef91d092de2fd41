"""Bodies of forms: encoded like a query, or with files (multipart/form-data, RFC 7578)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import chain
from typing import Final, NamedTuple
from urllib.parse import urlencode

_is_plain: Final = re.compile(r"[\w.~-]*", re.ASCII).fullmatch
"""Whether a text holds only signs that a form takes as they are."""
_ESCAPES: Final = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
"""As browsers escape names (HTML, "multipart form data")."""


class FormFile(NamedTuple):
    """A file in a form."""

    name: str
    """Name of the field."""
    filename: str
    media_type: str
    content: bytes


def encode_pairs(fields: Sequence[tuple[str, str]]) -> bytes:
    """The body of a form without files."""
    # Most forms hold nothing to escape: 1.3 us for four fields, of which `urlencode` takes 6.
    if _is_plain("".join(chain.from_iterable(fields))):
        return "&".join([f"{name}={value}" for name, value in fields]).encode()
    return urlencode(fields).encode()


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
