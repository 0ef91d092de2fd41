"""Texts, and the many ways in which agencies write that there is none."""

from __future__ import annotations

from typing import Final

from connectors.readers.unreadable import UnreadableError

MAX_TEXT_LENGTH: Final = 4_000
"""Characters of a text, unless it is said otherwise. Reading takes up to 20 ns for each, and no agency's column is
longer than this but those of free text."""

ABSENT = frozenset({"", "-", "--", "---", "NULL", "N/A", "TIDAK TAHU", "TIDAK DIKETAHUI", "TIDAK ADA"})
"""Words and signs that stand for "nothing" in Indonesian agencies' systems, in upper case."""


def text(raw: object, kind: str = "a text", *, max_length: int = MAX_TEXT_LENGTH) -> str | None:
    """A text without blanks around and with single blanks inside; none where the agency wrote that there is none.

    Integers are taken too, since agencies write identifiers as either. Raises `UnreadableError`, naming the
    kind of value it is, for anything else, and for a text of more than `max_length` characters.
    """
    if raw is None:
        return None
    if isinstance(raw, str):
        if len(raw) > max_length:
            raise UnreadableError(f"{kind} of at most {max_length} characters")
        written = raw
    elif isinstance(raw, int) and not isinstance(raw, bool):
        written = str(raw)
    else:
        raise UnreadableError(kind)
    words = " ".join(written.replace("\N{NO-BREAK SPACE}", " ").split())
    return None if words.upper() in ABSENT else words
