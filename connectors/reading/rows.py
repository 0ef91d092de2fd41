"""Objects and lists of objects in the JSON of an agency."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.reading.unreadable import UnreadableError

Row = Mapping[str, object]
"""A JSON object: what an agency says of one thing, by its own field names."""


def row(raw: object, kind: str = "an object") -> Row:
    """A JSON object. Raises `UnreadableError`, naming the kind of value it is, for anything else."""
    if not isinstance(raw, Mapping):
        raise UnreadableError(kind)
    return raw


def rows(raw: object, kind: str = "a list of objects") -> tuple[Row, ...]:
    """A JSON list of objects. Raises `UnreadableError`, naming the kind of value it is, for anything else."""
    if not isinstance(raw, list):
        raise UnreadableError(kind)
    return tuple(row(each, kind) for each in raw)
