"""Texts of people that can be stored."""

from __future__ import annotations


def is_storable(text: str, longest: int) -> bool:
    """Whether a text can be stored: it has 1 to `longest` characters, not only blanks, and no NUL or surrogate."""
    has_wrong = any(each == "\0" or "\ud800" <= each <= "\udfff" for each in text)
    return bool(text.strip()) and len(text) <= longest and not has_wrong
