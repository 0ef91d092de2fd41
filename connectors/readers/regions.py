"""Reads region codes of the Ministry of Home Affairs (Kemendagri) in agencies' formats."""

from __future__ import annotations

import re

from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.identifiers import RegionCode

_KIND = "a Kemendagri region code"
_WIDTHS = (2, 2, 2, 4)
"""Digits of the province, the city or regency, the district and the kelurahan."""
_DOTTED = re.compile(r"\d{2}(?:\.\d{2}(?:\.\d{2}(?:\.\d{4})?)?)?", re.ASCII)
_SOLID = re.compile(r"(\d{2})(\d{2})?(\d{2})?(\d{4})?", re.ASCII)
_SOLID_LENGTHS = (2, 4, 6, 10)


def region_from_numbers(*numbers: object) -> RegionCode | None:
    """Builds a dotted code from the numbers of its levels, province first: 31, 71, 1, 1001 is `31.71.01.1001`.

    Agencies store the numbers of the levels separately and unpadded, as integers or texts. Returns None if any of them
    is missing or 0. Raises `UnreadableError` for numbers too long for their level.
    """
    parts = []
    for number, width in zip(numbers, _WIDTHS, strict=False):
        if type(number) is int and 0 < number < 10**width:  # as a text, it takes three times as long
            parts.append(str(number).zfill(width))
            continue
        written = text(number, _KIND)
        if written is None or not written.strip("0"):
            return None
        if not (written.isascii() and written.isdigit()) or len(written.lstrip("0")) > width:
            raise UnreadableError(_KIND)
        parts.append(written.lstrip("0").zfill(width))
    return RegionCode(".".join(parts))


def region_code(raw: object) -> RegionCode | None:
    """Reads a complete code, with or without dots, to a dotted code: 317101, `3171011001`, `31.71.01`.

    Only for agencies that write Kemendagri codes: BPS codes look the same but mean other regions. Returns None if the
    code is missing or 0. Raises `UnreadableError` otherwise.
    """
    written = text(raw, _KIND)
    if written is None or not written.strip("0."):
        return None
    if _DOTTED.fullmatch(written):
        return RegionCode(written)
    solid = _SOLID.fullmatch(written) if len(written) in _SOLID_LENGTHS else None
    if solid is None:
        raise UnreadableError(_KIND)
    return RegionCode(".".join(part for part in solid.groups() if part))
