"""From a query of the domain to the conditions of an SQL statement over the file of a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from connectors.declared.snapshot.layout import FoundBy, fold, to_column
from records.distances import metres_per_degree
from records.regions import Near

MAX_METRES: Final = 100_000
_TRIGRAM: Final = 3
"""Characters that the index of texts needs; shorter texts are looked for in every row."""
_MAX_TEXT: Final = 200


@dataclass(slots=True)
class Statement:
    """The parts of one statement, with the values of its question marks."""

    conditions: list[str] = field(default_factory=list)
    values: list[FoundBy] = field(default_factory=list)
    order: str = "rows.number"
    """As the source lists them, unless a page must begin after a key."""
    order_values: list[FoundBy] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)
    is_empty: bool = False
    """Whether no row can be found."""

    def require(self, condition: str, *values: FoundBy) -> None:
        """Add a condition."""
        self.conditions.append(condition)
        self.values += values

    def write(self, *, limit: int) -> tuple[str, Sequence[FoundBy]]:
        """The statement: one row with one text, the JSON list of the records, so that it takes one step."""
        where = f" WHERE {' AND '.join(self.conditions)}" if self.conditions else ""
        rows = f"SELECT rows.body AS body FROM rows{''.join(self.joins)}{where} ORDER BY {self.order} LIMIT {limit:d}"  # noqa: S608 - names of fields, and question marks
        return f"SELECT '[' || coalesce(group_concat(body, ','), '') || ']' FROM ({rows})", [  # noqa: S608 - same
            *self.values,
            *self.order_values,
        ]

    def write_count(self) -> tuple[str, Sequence[FoundBy]]:
        """The statement for the number of all rows, as a text."""
        where = f" WHERE {' AND '.join(self.conditions)}" if self.conditions else ""
        return f"SELECT CAST(count(*) AS TEXT) FROM rows{''.join(self.joins)}{where}", self.values  # noqa: S608 - names of fields, and question marks


AddCondition = Callable[[Statement, Any], None]
"""Adds the condition of one part of a query."""


def equal_to(field_name: str) -> AddCondition:
    """Rows whose field has the value, or one of a tuple of values; no value asks for nothing."""
    column = f'rows."key_{field_name}"'

    def add(statement: Statement, value: object) -> None:
        if isinstance(value, tuple):
            if value:
                statement.require(f"{column} IN ({', '.join('?' * len(value))})", *map(to_column, value))
        elif value is not None:
            statement.require(f"{column} = ?", to_column(value))

    return add


def inside_region(field_name: str) -> AddCondition:
    """Rows in a region, or in any of a tuple of regions, at any level: `31.71` also finds `31.71.01.1001`."""
    column = f'rows."key_{field_name}"'

    def add(statement: Statement, value: object) -> None:
        codes = value if isinstance(value, tuple) else () if value is None else (value,)
        if codes:
            # '/' follows '.' in every character set, so this is a range of the index.
            each = f"{column} = ? OR ({column} > ? AND {column} < ?)"
            values = [text for code in codes for text in (str(code), f"{code}.", f"{code}/")]
            statement.require(f"({' OR '.join([each] * len(codes))})", *values)

    return add


def containing(fields: Sequence[str]) -> AddCondition:
    """Rows with the text in any of the fields, without case; an empty text asks for nothing."""
    columns = sorted(fields)
    indexed = f"{{{' '.join(f'text_{each}' for each in columns)}}}"
    scanned = " OR ".join(f'instr("text_{each}", ?) > 0' for each in columns)

    def add(statement: Statement, value: object) -> None:
        text = fold(str(value or "").replace("\0", " ")) or ""
        if len(text) > _MAX_TEXT:
            statement.is_empty = True
        elif len(text) >= _TRIGRAM:
            phrase = text.replace('"', '""')
            statement.require("rows.number IN (SELECT rowid FROM texts WHERE texts MATCH ?)", f'{indexed} : "{phrase}"')
        elif text:
            names = f"SELECT number FROM names WHERE {scanned}"  # noqa: S608 - names of fields
            statement.require(f"rows.number IN ({names})", *[text] * len(columns))

    return add


def near_point(statement: Statement, value: Near | None) -> None:
    """Rows within a distance of a point, the nearest first."""
    if value is None:
        return
    metres = min(max(value.metres, 0), MAX_METRES)
    latitude, longitude = value.point.latitude, value.point.longitude
    metres_north, metres_east = metres_per_degree(latitude)
    north, east = metres / metres_north, metres / metres_east
    statement.joins.append(" JOIN places ON places.number = rows.number")
    statement.require(
        "places.south >= ? AND places.north <= ? AND places.west >= ? AND places.east <= ?",
        latitude - north - _MARGIN, latitude + north + _MARGIN, longitude - east - _MARGIN, longitude + east + _MARGIN,
    )  # fmt: skip
    distance = "(rows.latitude - ?) * (rows.latitude - ?) * ? + (rows.longitude - ?) * (rows.longitude - ?) * ?"
    values: list[FoundBy] = [latitude, latitude, metres_north**2, longitude, longitude, metres_east**2]
    statement.require(f"{distance} <= ?", *values, float(metres) ** 2)
    statement.order, statement.order_values = f"{distance}, rows.number", values


def list_circles(value: Near) -> Sequence[Near]:
    """Smaller circles around the point, and the whole one: the nearest records are often found in the first."""
    sizes = sorted({value.metres // 16, value.metres // 4, value.metres})
    return [Near(point=value.point, metres=each) for each in sizes]


_MARGIN: Final = 0.0001
"""Degrees: the index keeps single precision, and rounds outwards."""


def after_id(statement: Statement, value: str | None) -> None:
    """Rows after the one with this id, in the order of ids: a page that begins at a key, not at a count."""
    statement.order = "rows.id"
    if value is not None:
        statement.require("rows.id > ?", value)


PartConditions = Mapping[str, AddCondition]
"""By the part of the query."""
