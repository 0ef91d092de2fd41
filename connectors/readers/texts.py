"""Reads texts, and recognises agencies' words for a missing value."""

from __future__ import annotations

from typing import Final

from connectors.readers.unreadable import UnreadableError

MAX_TEXT_LENGTH: Final = 4_000
"""Default maximum characters of a text. Reading takes up to 20 ns for each, and no agency's column is
longer, except for free text."""

ABSENT = frozenset({"", "-", "--", "---", "NULL", "N/A", "TIDAK TAHU", "TIDAK DIKETAHUI", "TIDAK ADA"})
"""Words and signs that stand for "nothing" in Indonesian agencies' systems, in upper case."""
_LONGEST_ABSENT: Final = max(map(len, ABSENT))


_WEB_SCHEMES = ("https://", "http://")


def text(raw: object, kind: str = "a text", *, max_length: int = MAX_TEXT_LENGTH) -> str | None:
    """Reads a text, trimmed and with single blanks; None for the agency's words for a missing value.

    Integers are accepted too, because agencies write identifiers as either. Raises `UnreadableError` with the kind of
    value for anything else, and for a text of more than `max_length` characters.
    """
    if raw is None:
        return None
    if not isinstance(raw, str):
        if isinstance(raw, int) and not isinstance(raw, bool):
            return str(raw)  # digits: neither white space nor a word for a missing value
        raise UnreadableError(kind)
    if len(raw) > max_length:
        raise UnreadableError(f"{kind} of at most {max_length} characters")
    words = " ".join(raw.split())  # at any white space, which a no-break space is, too
    return None if len(words) <= _LONGEST_ABSENT and words.upper() in ABSENT else words


def web_address(raw: object) -> str | None:
    """Reads an http or https address; None for other schemes (`javascript:`), which must not reach browsers."""
    written = text(raw)
    return written if written and written.lower().startswith(_WEB_SCHEMES) else None


def comma_list(raw: object) -> tuple[str, ...]:
    """Reads words that are separated by commas."""
    return tuple(word for part in (text(raw) or "").split(",") if (word := part.strip()))
