"""What no manifest can declare of identity checks."""

from __future__ import annotations

import re
from typing import Final

from connectors.readers.numbers import whole_number
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.hub.consenting import Match

_RESULT: Final = re.compile(r"(TIDAK )?SESUAI(?: ?\((\d{1,3})\))?", re.ASCII)


def read_match(result: object, threshold: object) -> Match | None:
    """A result, `Sesuai (100)` or `Tidak Sesuai`; of one that is a score, whether it reaches the threshold."""
    if isinstance(result, int) and not isinstance(result, bool):
        return Match.MATCH if result >= (whole_number(threshold) or 100) else Match.NO_MATCH
    written = text(result, "a result")
    if written is None:
        return None
    if (found := _RESULT.fullmatch(written.upper())) is None:
        raise UnreadableError("a result")
    return Match.NO_MATCH if found[1] else Match.MATCH
