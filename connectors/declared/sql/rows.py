"""All rows of a database's statement, page by page after the last key, for a snapshot."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from operator import eq
from typing import Final

from connectors.declared.driver_family import RowSource, Source
from connectors.declared.sql.statements import parse_statement
from connectors.declared.sql.tables import SqlRowsTable
from connectors.drivers.sql.connections import Row
from connectors.drivers.sql.driver import SqlDriver
from records.calls.call import Call
from records.calls.failures import AgencyMalformed

_AFTER: Final = "after_id"
_LIMIT: Final = "page_limit"
PAGE_ROWS: Final = 1_000
"""Rows of one statement."""


def stream_sql_rows(source: Source[SqlDriver], place: str, table: SqlRowsTable, columns: frozenset[str]) -> RowSource:
    """Compile the statement at this place of the manifest.

    Raises:
        NotDeclarableError: It is not allowed, or does not select a column that is read.

    """
    sql, agency, column = source.driver, source.agency, table.id
    select = parse_statement(f"{place}.statement", table.statement, sql.dialect, {column, *columns}, parameters=())
    select.require_conditions()
    first = select.select_page(column, limit=_LIMIT).render()
    following = select.select_page(column, limit=_LIMIT, after=_AFTER).render()

    async def stream(call: Call) -> AsyncGenerator[Sequence[Row]]:
        parameters: dict[str, object] = {_LIMIT: PAGE_ROWS}
        statement = first
        while rows := await sql.rows(statement, parameters, call):
            keys = [_to_loose_form(each[column]) for each in rows]
            if None in keys or any(map(eq, keys, keys[1:])):
                # Rows with the key of the last one of a page would be missed.
                raise AgencyMalformed(agency, f"the column '{column}' does not tell rows apart, so there are no pages")
            yield rows
            if len(rows) < PAGE_ROWS:
                return
            parameters[_AFTER] = rows[-1][column]
            statement = following

    return stream


def _to_loose_form(key: object) -> object:
    """A key as the most lenient database compares it, without case and outer blanks."""
    return key.strip().casefold() if isinstance(key, str) else key
