"""Whole numbers in the forms agencies write them."""

from __future__ import annotations

from decimal import Decimal

from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError

_KIND = "a whole number"
_LONGEST = 18
"""Digits; what is longer is no number of anything a city counts."""


def whole_number(raw: object) -> int | None:
    """A number that is 0 or more, from a number or digits with or without zeros in front; none where there is none.

    Raises `UnreadableError` for anything else, fractions and negative numbers included.
    """
    if isinstance(raw, Decimal | float):
        return _whole(Decimal(repr(raw) if isinstance(raw, float) else raw))
    written = text(raw, _KIND)
    if written is None:
        return None
    if not (written.isascii() and written.isdigit() and len(written) <= _LONGEST):
        raise UnreadableError(_KIND)
    return int(written)


def _whole(number: Decimal) -> int:
    if not number.is_finite() or number < 0 or number.adjusted() >= _LONGEST or number != number.to_integral_value():
        raise UnreadableError(_KIND)
    return int(number)
