"""Reads telephone numbers in Indonesian formats."""

from __future__ import annotations

import re

from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError

_KIND = "a telephone number"
_PUNCTUATION = re.compile(r"[\s().\-\u2013/]+")
_INTERNATIONAL = re.compile(r"\+?62(\d{6,13})", re.ASCII)
_DOMESTIC = re.compile(r"0([1-9]\d{5,12})", re.ASCII)
_MOBILE = re.compile(r"(8\d{7,12})", re.ASCII)
_ZERO_AFTER_COUNTRY = re.compile(r"^(\+?62)0", re.ASCII)


def phone(raw: object) -> str | None:
    """Reads a number to international form, `+62...`, digits only; None if it is missing or all zeros.

    Reads `0812-3456-7890`, `(021) 345 6789`, `62812...`, `+62 (0) 812 ...` and mobile numbers that lost their leading
    zero in a numeric column. Raises `UnreadableError` otherwise.
    """
    written = text(raw, _KIND)
    if written is None:
        return None
    digits = _ZERO_AFTER_COUNTRY.sub(r"\1", _PUNCTUATION.sub("", written))
    if not digits.strip("0"):
        return None
    for form in (_INTERNATIONAL, _DOMESTIC, _MOBILE):
        if found := form.fullmatch(digits):
            return f"+62{found[1]}"
    raise UnreadableError(_KIND)
