"""Reads identity numbers of people (NIK)."""

from __future__ import annotations

import re
from typing import Final

from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.identifiers import Nik

_KIND: Final = "a NIK"
_is_nik: Final = re.compile(r"[0-9]{16}").fullmatch


def nik(raw: object) -> Nik | None:
    """Reads a NIK, written exactly as its 16 digits; None for the agency's words for a missing value.

    Rules compare numbers of people exactly. So blanks around one are not removed: they raise `UnreadableError`.
    """
    written = raw if isinstance(raw, str) else str(raw)
    if _is_nik(written):
        return written  # type: ignore[return-value]  # a NewType costs a call, and registers have many rows
    if text(raw, _KIND) is None:
        return None
    raise UnreadableError(_KIND)
