"""Reads numbers of family cards (Kartu Keluarga) of the population register."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.identifiers import FamilyCardNumber, RegionCode

_KIND: Final = "the number of a family card"
_FORM: Final = re.compile(
    r"(?P<province>[1-9][0-9])(?P<regency>[0-9]{2})(?P<district>[0-9]{2})"
    r"(?P<day>[0-9]{2})(?P<month>[0-9]{2})(?P<year>[0-9]{2})(?P<serial>[0-9]{4})"
)
"""Where the card was issued, the day of issue (for women too: no +40), and a serial number of that place and day.

Kemendagri counts provinces from 11, everything inside a province and the serial numbers from 1."""
_FIRST_PROVINCE: Final = 11
_COUNTED_FROM_1: Final = ("regency", "district", "serial")
_CENTURIES: Final = (1900, 2000)


def family_card_number(raw: object) -> FamilyCardNumber | None:
    """Reads the number of a card; None for the register's words for no card (`-`, an empty text).

    Raises `UnreadableError` for an invalid number, because all people with the same placeholder (zeros, nines,
    `TIDAK DIKETAHUI.`) would be on one card. Surrounding blanks are invalid: the register's comparison is exact, so
    only a part of the card would be found. A district that no longer exists is valid.
    """
    written = text(raw, _KIND)
    if written is None:
        return None
    parts = _FORM.fullmatch(written)
    if parts is None or written != str(raw) or len(set(written)) == 1:
        raise UnreadableError(_KIND)
    if int(parts["province"]) < _FIRST_PROVINCE or not all(int(parts[each]) for each in _COUNTED_FROM_1):
        raise UnreadableError(_KIND)
    if not any(
        _is_date(century + int(parts["year"]), int(parts["month"]), int(parts["day"])) for century in _CENTURIES
    ):
        raise UnreadableError(_KIND)
    return FamilyCardNumber(written)


def district_of_issue(number: FamilyCardNumber) -> RegionCode:
    """Returns the district in which a card was issued; old cards may name a former district."""
    return RegionCode(f"{number[:2]}.{number[2:4]}.{number[4:6]}")


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
