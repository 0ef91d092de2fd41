"""Texts, and the many ways in which agencies write that there is none."""

from __future__ import annotations

from connectors.reading.unreadable import UnreadableError

ABSENT = frozenset({"", "-", "--", "---", "NULL", "N/A", "TIDAK TAHU", "TIDAK DIKETAHUI", "TIDAK ADA"})
"""Words and signs that stand for "nothing" in Indonesian agencies' systems, in upper case."""


def text(raw: object, kind: str = "a text") -> str | None:
    """A text without blanks around and with single blanks inside; none where the agency wrote that there is none.

    Integers are taken too, since agencies write identifiers as either. Raises `UnreadableError`, naming the
    kind of value it is, for anything else.
    """
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        raise UnreadableError(kind)
    words = " ".join(str(raw).replace("\N{NO-BREAK SPACE}", " ").split())
    return None if words.upper() in ABSENT else words
