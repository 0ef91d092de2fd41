"""The statement of a query: the declared one with the conditions of its filters, an order and a limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from typing import Any, Final

from sqlglot import exp

from connectors.declared.domain_reads import DomainRead, list_key_parts
from connectors.declared.read_records import NUMBER
from connectors.declared.search.pages import AFTER, FIRST, SEARCH, find_size, is_given, parse_order, require_comparable
from connectors.declared.sql.conditions import (
    Comparison,
    Parameters,
    SelectedFields,
    WriteCondition,
    build_filter,
    build_search,
    to_parameter,
    write_parameter,
)
from connectors.declared.sql.statements import SqlSelect
from connectors.declared.sql.tables import SqlReadTable
from connectors.declared.tables import NotDeclarableError

_LIMIT: Final = "page_limit"
_MAX_COMPILED: Final = 256
"""Statements of one read that are remembered: one for each combination of filters."""


@dataclass(frozen=True, slots=True)
class AskedSearch:
    """A query as it is sent."""

    statement: str
    parameters: Parameters
    lists: Sequence[str]


@dataclass(frozen=True, slots=True)
class _OrderField:
    field: str
    expression: exp.Expr
    kind: object
    is_descending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchStatement:
    """Writes the statement of a query."""

    select: SqlSelect
    conditions: Mapping[str, WriteCondition]
    order: Sequence[_OrderField]
    has_pages: bool
    has_number_keys: bool
    compiled: dict[object, str]

    @classmethod
    def build(cls, fields: SelectedFields, domain_read: DomainRead, table: SqlReadTable) -> SearchStatement:
        """Compile the filters and the order of a read. Raises `NotDeclarableError`."""
        place, parts = f"reads.{domain_read.name}", list_key_parts(domain_read.key)
        fields.statement.require_conditions()
        conditions = _build_conditions(place, parts, table, fields)
        paged = {FIRST, AFTER} if FIRST in parts else set()
        if unused := sorted(parts.keys() - conditions.keys() - paged):
            fix = f'write filters = {{ {unused[0]} = "field" }}'
            raise NotDeclarableError(place, f"the answer would not depend on '{unused[0]}': {fix}")
        return cls(
            select=fields.statement,
            conditions=conditions,
            order=_build_order(place, parts, table, fields),
            has_pages=FIRST in parts,
            has_number_keys=table.key_type == "number",
            compiled={},
        )

    def write(self, query: Any) -> AskedSearch | None:  # noqa: ANN401 - a query of the domain
        """The statement of a query, with its parameters; None if no row can be found."""
        parameters: Parameters = {}
        written: dict[str, exp.Expr] = {}
        for part, write in self.conditions.items():
            value = getattr(query, part)
            if not is_given(value):
                continue
            condition = write(value, parameters)
            if condition is None:
                return None
            written[part] = condition
        after = getattr(query, AFTER, None) if self.has_pages else None
        if after is not None:
            position = self._read_position(after)
            if position is None:
                return None
            parameters |= position
        if self.has_pages:
            parameters[_LIMIT] = find_size(query) + 1
        dialect = self.select.dialect
        lists = () if dialect.takes_arrays else [name for name, each in parameters.items() if isinstance(each, list)]
        return AskedSearch(self._compile(written, parameters, has_position=after is not None), parameters, lists)

    def _read_position(self, after: Any) -> Parameters | None:  # noqa: ANN401 - a position of the domain
        position: Parameters = {}
        for each in self.order:
            value = getattr(after, each.field) if is_dataclass(after) else after
            if self.has_number_keys and isinstance(value, str):
                if not NUMBER.fullmatch(value):
                    return None
                value = int(value)
            position[f"{AFTER}_{each.field}"] = to_parameter(value, self.select.dialect)
        return position

    def _compile(self, written: Mapping[str, exp.Expr], parameters: Parameters, *, has_position: bool) -> str:
        form = tuple(written), tuple(parameters), has_position
        if (found := self.compiled.get(form)) is not None:
            return found
        query = self.select.query.copy()
        conditions = [*written.values(), *([self._write_position()] if has_position else [])]
        if conditions:
            query = query.where(*conditions)
        for each in self.order:
            query = query.order_by(exp.Ordered(this=each.expression.copy(), desc=each.is_descending))
        if self.has_pages:
            query = query.limit(exp.Placeholder(this=_LIMIT))
        statement = SqlSelect(self.select.place, query, self.select.dialect).render()
        if len(self.compiled) >= _MAX_COMPILED:
            self.compiled.clear()
        self.compiled[form] = statement
        return statement

    def _write_position(self) -> exp.Expr:
        """Rows after a position: `a < :a OR (a = :a AND b < :b)`, with a first condition that an index can use."""
        later: exp.Expr | None = None
        for each in reversed(self.order):
            value = write_parameter(f"{AFTER}_{each.field}", each.kind, self.select.dialect)
            beyond = (exp.LT if each.is_descending else exp.GT)(this=each.expression.copy(), expression=value)
            if later is None:
                later = beyond
                continue
            reached = (exp.LTE if each.is_descending else exp.GTE)(this=each.expression.copy(), expression=value.copy())
            later = exp.and_(reached, exp.or_(beyond, later))
        return later or exp.true()


def _build_conditions(
    place: str, parts: Mapping[str, object], table: SqlReadTable, selected: SelectedFields
) -> Mapping[str, WriteCondition]:
    found: dict[str, WriteCondition] = {}
    if table.search:
        if parts.get(SEARCH) is not str:
            raise NotDeclarableError(f"{place}.search", "the domain's query has no text `search`; remove the line")
        columns = [selected.find(f"{place}.search", each).expression for each in table.search]
        found[SEARCH] = build_search(columns, SEARCH, selected.statement.dialect)
    for part, each in table.filters.items():
        at = f"{place}.filters.{part}"
        if part not in parts:
            raise NotDeclarableError(at, f"the query has no such part; it has {', '.join(parts)}")
        field = selected.find(at, each.field)
        require_comparable(at, part, parts[part], each.field, field.kind)
        found[part] = build_filter(Comparison(at, part, field, selected.statement.dialect), each.match)
    return found


def _build_order(
    place: str, parts: Mapping[str, object], table: SqlReadTable, selected: SelectedFields
) -> Sequence[_OrderField]:
    """The fields by which pages are sorted: those of the domain's position."""
    at = f"{place}.order"
    if FIRST not in parts:
        if table.order:
            raise NotDeclarableError(at, "the domain asks for no pages; write ORDER BY in the statement")
        return ()
    if selected.statement.query.args.get("order"):
        raise NotDeclarableError(f"{place}.statement", "`order` sorts the pages; remove ORDER BY")
    found = []
    for name, is_descending in parse_order(place, parts, table.order).items():
        field = selected.find(at, name)
        found.append(_OrderField(name, field.expression, field.kind, is_descending))
    return found
