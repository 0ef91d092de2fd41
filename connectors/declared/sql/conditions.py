"""From the part of a query, such as a text, statuses or a region, to the condition of a statement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal

import sqlglot
from sqlglot import exp

from connectors.declared.domain_reads import find_plain_type
from connectors.declared.python_functions import split_optional
from connectors.declared.search.pages import list_words
from connectors.declared.sql.statements import SqlSelect, write_membership
from connectors.declared.tables import FieldTable, NotDeclarableError, RecordTable
from connectors.drivers.sql.dialects import SqlDialect
from records.clocks import CITY_TIME_ZONE
from records.identifiers import RegionCode

Match = Literal["from", "until", "before"]
_COMPARISONS: Final[Mapping[Match, type[exp.Expr]]] = {"from": exp.GTE, "until": exp.LTE, "before": exp.LT}
_ESCAPE: Final = "!"
_MAX_TEXT: Final = 200

Parameters = dict[str, object]
WriteCondition = Callable[[Any, Parameters], exp.Expr | None]
"""From the value of a part to its condition; adds the values of its parameters. None if no row can fulfil it."""


@dataclass(frozen=True, slots=True)
class SelectedField:
    """A field of a record, as a statement selects it."""

    expression: exp.Expr
    """The column, or the expression that gives it."""
    kind: Any
    """The type of the field, without None."""
    table: FieldTable


@dataclass(frozen=True, slots=True)
class SelectedFields:
    """The fields of a record, and the statement that selects them."""

    statement: SqlSelect
    hints: Mapping[str, Any]
    tables: RecordTable

    def find(self, place: str, name: str) -> SelectedField:
        """A field of one column. Raises `NotDeclarableError`."""
        table = self.tables.get(name)
        if table is None or len(table.columns) != 1:
            raise NotDeclarableError(place, f"the record has no field '{name}' of one column")
        return SelectedField(self.statement.find_selected(table.columns[0]), split_optional(self.hints[name])[0], table)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a field is compared with a part of a query."""

    place: str
    part: str
    field: SelectedField
    dialect: SqlDialect


def build_filter(comparison: Comparison, match: Match | None) -> WriteCondition:
    """The condition for rows whose field has the value of the part, or one of a tuple of values.

    Raises:
        NotDeclarableError: The field cannot be compared so.

    """
    if match is not None:
        return _build_range(comparison, match)
    if comparison.field.kind is RegionCode and comparison.field.table.values is None:
        return _build_region(comparison)
    words = list_words(comparison.place, comparison.field.kind, comparison.field.table)
    if words is not None:
        return _build_words(comparison, words)
    if find_plain_type(comparison.field.kind) not in {str, int, date}:
        raise NotDeclarableError(comparison.place, f"rows cannot be selected by '{comparison.part}'; use a view")
    column, part, dialect = comparison.field.expression, comparison.part, comparison.dialect
    is_text = find_plain_type(comparison.field.kind) is str

    def write(value: object, parameters: Parameters) -> exp.Expr:
        values = list(value) if isinstance(value, tuple) else [value]
        is_ascii = not is_text or all(str(each).isascii() for each in values)
        name = part if is_ascii else f"{part}_any"  # statements are remembered by the names of their parameters
        parameters[name] = values
        return write_membership(column, dialect, name, exact=is_text, is_ascii=is_ascii)

    return write


def build_search(columns: Sequence[exp.Expr], part: str, dialect: SqlDialect) -> WriteCondition:
    """The condition for rows with the text in any of the columns; case does not matter."""
    lowered = [exp.Lower(this=_take_any_text(each, dialect)) for each in columns]

    def write(value: str, parameters: Parameters) -> exp.Expr | None:
        if len(value) > _MAX_TEXT or "\0" in value:
            return None
        parameters[part] = f"%{_escape(value.lower())}%"
        return exp.Paren(this=exp.or_(*(_write_like(each.copy(), part) for each in lowered)))

    return write


def to_parameter(value: object, dialect: SqlDialect) -> object:
    """A value as the driver of the database takes it; a moment without zone is the city's local time."""
    if isinstance(value, datetime) and not dialect.takes_arrays:
        local = value.astimezone(CITY_TIME_ZONE).replace(tzinfo=None)
        return local if dialect.has_moments else local.isoformat(" ")
    return value.isoformat() if isinstance(value, date) and not dialect.has_moments else value


def write_parameter(name: str, kind: object, dialect: SqlDialect) -> exp.Expr:
    """A parameter of this type. PostgreSQL would take a moment for local time, where a column has no zone."""
    parameter = exp.Placeholder(this=name)
    return exp.cast(parameter, "TIMESTAMPTZ") if kind is datetime and dialect.takes_arrays else parameter


def _build_range(comparison: Comparison, match: Match) -> WriteCondition:
    if find_plain_type(comparison.field.kind) not in {datetime, date, int}:
        raise NotDeclarableError(comparison.place, f"'{match}' compares days, moments and numbers; remove `match`")
    column, part, dialect = comparison.field.expression, comparison.part, comparison.dialect
    parameter = write_parameter(part, comparison.field.kind, dialect)

    def write(value: object, parameters: Parameters) -> exp.Expr:
        parameters[part] = to_parameter(value, dialect)
        return _COMPARISONS[match](this=column.copy(), expression=parameter.copy())

    return write


def _build_region(comparison: Comparison) -> WriteCondition:
    """Rows in a region, or in any of a tuple of regions, at any level. Codes are with dots or without."""
    column, part = comparison.field.expression, comparison.part

    def write(value: RegionCode | tuple[RegionCode, ...], parameters: Parameters) -> exp.Expr:
        codes = value if isinstance(value, tuple) else (value,)
        prefixes = [form for code in codes for form in dict.fromkeys((code, code.replace(".", "")))]
        parameters |= {f"{part}_{number}": f"{_escape(each)}%" for number, each in enumerate(prefixes)}
        return exp.Paren(this=exp.or_(*(_write_like(column.copy(), f"{part}_{at}") for at in range(len(prefixes)))))

    return write


def _build_words(comparison: Comparison, words: Mapping[object, Sequence[str]]) -> WriteCondition:
    part, dialect = comparison.part, comparison.dialect
    column = exp.Upper(this=exp.Trim(this=comparison.field.expression.copy()))

    def write(value: object, parameters: Parameters) -> exp.Expr | None:
        wanted = value if isinstance(value, tuple) else (value,)
        parameters[part] = [word.upper() for each in wanted for word in words.get(each, ())]
        return write_membership(column, dialect, part, exact=False) if parameters[part] else None

    return write


def _take_any_text(column: exp.Expr, dialect: SqlDialect) -> exp.Expr:
    if not dialect.any_text:
        return column
    return sqlglot.parse_one(dialect.any_text.format(column.sql(dialect=dialect.parser)), read=dialect.parser)


def _write_like(column: exp.Expr, parameter: str) -> exp.Expr:
    like = exp.Like(this=column, expression=exp.Placeholder(this=parameter))
    return exp.Escape(this=like, expression=exp.Literal.string(_ESCAPE))


def _escape(text: str) -> str:
    for each in (_ESCAPE, "%", "_"):
        text = text.replace(each, _ESCAPE + each)
    return text
