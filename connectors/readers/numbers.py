"""Reads numbers in agencies' formats."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError

_KIND = "a whole number"
_LONGEST = 18
"""Maximum digits: no count of a city is longer."""
_TOO_LARGE: Final = 10**_LONGEST
_DECIMAL: Final = re.compile(r"[0-9]{1,18}([.,][0-9]{1,12})?")
_NO_FRACTION: Final = re.compile(r"[.,]0{1,2}\Z")
"""Decimals of zero; three would be the thousands of a longer number."""


def whole_number(raw: object) -> int | None:
    """Reads a number of at least 0, from a number or digits, also with leading zeros or `,00`; None if it is missing.

    Raises `UnreadableError` for anything else, including fractions and negative numbers.
    """
    if type(raw) is int and 0 <= raw < _TOO_LARGE:  # most numbers of JSON; as text they take six times as long
        return raw
    if isinstance(raw, Decimal | float):
        return _whole(Decimal(repr(raw) if isinstance(raw, float) else raw))
    written = text(raw, _KIND)
    if written is None:
        return None
    if not (written.isascii() and written.isdigit()):
        written = _NO_FRACTION.sub("", written)
    if not (written.isascii() and written.isdigit() and len(written) <= _LONGEST):
        raise UnreadableError(_KIND)
    return int(written)


def rounded_number(raw: object) -> int | None:
    """Reads a number of at least 0 with decimals, and rounds it to a whole one; None if it is missing.

    Raises `UnreadableError` for anything else, including numbers with separators of thousands.
    """
    written = text(f"{raw:f}" if isinstance(raw, Decimal | float) else raw, _KIND)
    if written is None:
        return None
    if not _DECIMAL.fullmatch(written):
        raise UnreadableError(_KIND)
    return int(Decimal(written.replace(",", ".")).to_integral_value(ROUND_HALF_UP))


def _whole(number: Decimal) -> int:
    if not number.is_finite() or number < 0 or number.adjusted() >= _LONGEST or number != number.to_integral_value():
        raise UnreadableError(_KIND)
    return int(number)
