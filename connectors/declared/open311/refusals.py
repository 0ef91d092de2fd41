"""Reads why a server refused a new request: the part of it that the error names, if it names one.

The standard gives an error a text only, so nothing of the text is passed on but the name of an argument.
See https://wiki.open311.org/GeoReport_v2/#errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final

from records.calls.outgoing_commands import CommandRefused

_ATTRIBUTE: Final = re.compile(r"attribute\[([A-Za-z0-9][A-Za-z0-9._-]{0,63})\]")
_ARGUMENTS: Final[Mapping[str, str]] = {
    "service_code": "categoryCode",
    "description": "description",
    "lat": "point",
    "long": "point",
    "address_string": "address",
    "media_url": "photos",
}
"""Arguments of the standard by the fields of the graph."""
_WORD: Final = re.compile(r"[a-z_]+")
_DESCRIPTION: Final = re.compile(
    r'"description"\s*:\s*"((?:[^"\\]|\\.){1,500})"|<description>([^<]{1,500})</description>'
)
_MAX_BODY_LENGTH: Final = 4_000


def find_refusal(body: bytes) -> CommandRefused | None:
    """The refusal of a command; None for a body that is no error of the standard, as a proxy before a server sends."""
    return read_refusal(body) if _find_descriptions(body) else None


def read_refusal(body: bytes) -> CommandRefused:
    """The refusal of a command, from the body of an error, which is often no JSON or XML at all."""
    found = _find_descriptions(body)
    text = " ".join(chain.from_iterable(found))
    attribute = _ATTRIBUTE.search(text)
    if attribute is not None:
        return CommandRefused(code="INVALID", field=f"answers.{attribute[1]}")
    named = [_ARGUMENTS[each] for each in _WORD.findall(text) if each in _ARGUMENTS]
    return CommandRefused(code="INVALID", field=named[0] if named else None)


def _find_descriptions(body: bytes) -> Sequence[tuple[str, str]]:
    return _DESCRIPTION.findall(body[:_MAX_BODY_LENGTH].decode(errors="replace"))
