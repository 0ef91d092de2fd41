"""Which column of which table each column of a statement's rows comes from, for samples of those tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp

from connectors.declared.tables import NotDeclarableError
from connectors.drivers.sql.dialects import SqlDialect

Origin = tuple[str, str]
"""A table and its column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOrigins:
    """The origins of the rows of one statement."""

    columns: Mapping[str, Origin]
    equal: Sequence[tuple[Origin, Origin]]
    """Columns by which tables are joined."""
    fixed: Mapping[Origin, str | int]
    """Columns that the statement compares with a value."""

    def split(self, row: Mapping[str, Any]) -> Mapping[str, dict[str, Any]]:
        """The rows of the tables that give this row."""
        found: dict[Origin, Any] = {**self.fixed, **{self.columns[name]: value for name, value in row.items()}}
        for pair in self.equal:
            for one, other in (pair, pair[::-1]):
                if one in found:
                    found.setdefault(other, found[one])
        tables: dict[str, dict[str, Any]] = {}
        for (table, column), value in found.items():
            tables.setdefault(table, {})[column] = value
        return tables


def find_row_origins(place: str, statement: str, dialect: SqlDialect) -> RowOrigins:
    """The origins of the rows. Raises `NotDeclarableError` for a statement of more than tables and joins."""
    query = sqlglot.parse_one(statement, read=dialect.parser)
    tables = list(query.find_all(exp.Table))
    if not isinstance(query, exp.Select) or list(query.find_all(exp.Select)) != [query] or not tables:
        raise NotDeclarableError(place, "it has more than tables and joins; write the samples of this read by hand")
    names = {each.alias_or_name: each.name for each in tables}

    def locate(column: exp.Column) -> Origin:
        if not column.table and len(names) > 1:
            raise NotDeclarableError(place, f"write the table of '{column.name}'")
        return names.get(column.table, tables[0].name), column.name

    columns = {}
    for each in query.selects:
        found = list(each.find_all(exp.Column))
        if len(found) != 1:
            raise NotDeclarableError(place, f"'{each.alias_or_name}' is not one column; write its samples by hand")
        columns[each.alias_or_name] = locate(found[0])
    comparisons = list(query.find_all(exp.EQ))
    return RowOrigins(
        columns=columns,
        equal=[
            (locate(each.left), locate(each.right))
            for each in comparisons
            if isinstance(each.left, exp.Column) and isinstance(each.right, exp.Column)
        ],
        fixed={locate(column): value for column, value in _list_fixed(comparisons)},
    )


def _list_fixed(comparisons: Sequence[exp.EQ]) -> Iterator[tuple[exp.Column, str | int]]:
    for each in comparisons:
        if isinstance(each.left, exp.Column) and isinstance(each.right, exp.Literal):
            yield each.left, each.right.this if each.right.is_string else int(each.right.this)
