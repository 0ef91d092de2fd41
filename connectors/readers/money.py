"""Reads amounts of money in agencies' formats."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.identifiers import Rupiah

_KIND = "an amount of money"
_CURRENCY = re.compile(r"^(?:Rp|IDR)\.?\s*", re.IGNORECASE)
_ENDING = re.compile(r",-+$")
_INDONESIAN = re.compile(r"-?\d{1,3}(?:\.\d{3})+(?:,\d{1,2})?|-?\d+,\d{1,2}", re.ASCII)
_ENGLISH = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?|-?\d+(?:\.\d{1,2})?", re.ASCII)
_is_grouped = re.compile(r"\d{1,3}(?:\.\d{3})+", re.ASCII).fullmatch
_LONGEST = 30
"""Maximum characters: no amount of a city is longer, and long texts cost time to parse."""
_MAX_DIGITS = 28
"""Maximum digits of decimal arithmetic."""


def rupiah(raw: object) -> Rupiah | None:
    """Reads an amount in whole Rupiah, rounded half up; None for the agency's words for no amount.

    Reads integers, decimals and floats (`number(20,2)`), and the texts `10000`, `10000.00`, `31.700`, `1.234.567`,
    `1.234.567,50`, `1,234,567.00`, `Rp31.700`, `Rp 31.700,-`. A dot before exactly three digits groups thousands:
    no agency writes three decimal places. Raises `UnreadableError` otherwise.
    """
    if isinstance(raw, int) and not isinstance(raw, bool):
        return Rupiah(raw)
    if isinstance(raw, Decimal):
        return _whole(raw)
    if isinstance(raw, float):
        return _whole(Decimal(repr(raw)))
    written = text(raw, _KIND)
    if written is None:
        return None
    # Nearly all texts are plain digits, or have a dot before every three. Without decimals, they take a fifth or two
    # fifths of the time.
    is_whole = written.isascii() and written.isdigit()
    if len(written) <= _MAX_DIGITS and (is_whole or _is_grouped(written)):
        return Rupiah(int(written.replace(".", "")))
    return _whole(_decimal(written))


def _decimal(written: str) -> Decimal:
    digits = _ENDING.sub("", _CURRENCY.sub("", written))
    if len(digits) > _LONGEST:
        raise UnreadableError(_KIND)
    if _INDONESIAN.fullmatch(digits):
        return Decimal(digits.replace(".", "").replace(",", "."))
    if _ENGLISH.fullmatch(digits):
        return Decimal(digits.replace(",", ""))
    raise UnreadableError(_KIND)


def _whole(amount: Decimal) -> Rupiah:
    if not amount.is_finite():
        raise UnreadableError(_KIND)
    try:
        return Rupiah(int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP)))
    except InvalidOperation:  # more than `_MAX_DIGITS`
        raise UnreadableError(_KIND) from None
