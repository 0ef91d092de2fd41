"""Reads objects and lists of objects from an agency's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from connectors.readers.unreadable import UnreadableError

Row = Mapping[str, object]
"""A JSON object, by the agency's own field names."""


def row(raw: object, kind: str = "an object") -> Row:
    """Reads a JSON object. Raises `UnreadableError` with the kind of value for anything else."""
    # JSON's objects are dicts: they need no look at the abstract class, which takes longer than the rest.
    if type(raw) is not dict and not isinstance(raw, Mapping):
        raise UnreadableError(kind)
    return cast("Row", raw)


MAX_LIST_ROWS: Final = 1_000
"""Maximum rows of one list. The longest real ones: a page of 500 complaints, 150 markets, 50 prices of a market."""


def rows(raw: object, kind: str = "a list of objects", *, max_rows: int = MAX_LIST_ROWS) -> tuple[Row, ...]:
    """Reads a JSON list of at most `max_rows` objects. Raises `UnreadableError` with the kind of value otherwise."""
    if not isinstance(raw, list):
        raise UnreadableError(kind)
    if len(raw) > max_rows:
        raise UnreadableError(f"{kind} of at most {max_rows} rows")
    return tuple([row(each, kind) for each in raw])
