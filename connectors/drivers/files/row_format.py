"""How the rows of a file are written: delimited (CSV) or in fixed columns. Values stay texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Row = Mapping[str, object]
"""The texts of one row, by column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailerSum:
    """A sum over one column that the trailer repeats."""

    column: str
    at: int | tuple[int, int]
    """Where the trailer holds it; see `Trailer.count`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trailer:
    """The last row of a file, which says what the file must hold."""

    marker: str
    """What the row begins with."""
    count: int | tuple[int, int] | None = None
    """Where it holds the number of rows: a field of a delimited row, or the first and last position, both from 1."""
    total: TrailerSum | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFormat:
    """The format of all rows of a file."""

    encoding: str = "utf-8-sig"
    delimiter: str = ","
    quote: str = '"'
    names: Sequence[str] = ()
    """The columns of a delimited file without a header row."""
    positions: Mapping[str, tuple[int, int]] | None = None
    """By column: its first and last position, from 1, in a file with fixed columns."""
    decimal_commas: frozenset[str] = frozenset()
    """Columns with numbers such as `1.234,5`, which become `1234.5`."""
    required: frozenset[str] = frozenset()
    """Columns that must be there."""
    trailer: Trailer | None = None
    ends_with_line_break: bool = True
    """Whether the last row must end with a line break: else the file may be cut."""
