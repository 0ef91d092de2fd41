"""The parameters of a statement, from `:name` to what a database's own driver takes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

_NAMED: Final = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")
_MOST_FORMS: Final = 512
"""Statements that are remembered in their written form; a search has one for each set of its filters."""


class PlaceholderStyle(StrEnum):
    """How a driver names parameters (PEP 249)."""

    NUMBERED = "$"
    """`$1`, as PostgreSQL's protocol has it."""
    FORMAT = "%s"
    """`%s`; every other `%` is doubled."""
    QUESTION = "?"


def place_parameters(
    statement: str, parameters: Mapping[str, Any], lists: Collection[str], style: PlaceholderStyle
) -> tuple[str, list[Any]]:
    """The statement with a driver's placeholders, and their values; each of `lists` becomes `(a, b)`."""
    text, places = _write(statement, tuple([(name, len(parameters[name])) for name in lists]), style)
    return text, [parameters[name] if index is None else parameters[name][index] for name, index in places]


@lru_cache(_MOST_FORMS)
def _write(
    statement: str, sizes: tuple[tuple[str, int], ...], style: PlaceholderStyle
) -> tuple[str, tuple[tuple[str, int | None], ...]]:
    size_of, places, pieces, end = dict(sizes), list[tuple[str, int | None]](), list[str](), 0

    def write_place(place: tuple[str, int | None]) -> str:
        if style is not PlaceholderStyle.NUMBERED:
            places.append(place)
            return style
        if place not in places:
            places.append(place)
        return f"${places.index(place) + 1}"

    def write_text(text: str) -> str:
        text = text.replace("\\:", ":")
        return text.replace("%", "%%") if style is PlaceholderStyle.FORMAT else text

    for found in _NAMED.finditer(statement):
        pieces.append(write_text(statement[end : found.start()]))
        name, end = found[1], found.end()
        size = size_of.get(name)
        if size is None:
            pieces.append(write_place((name, None)))
        else:
            pieces.append(f"({', '.join(write_place((name, index)) for index in range(size)) or 'NULL'})")
    return "".join([*pieces, write_text(statement[end:])]), tuple(places)
