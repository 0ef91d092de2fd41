"""Declared searches over SQL: the caller's filters select conditions, and a page begins after the last one's key."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from connectors.batching.fan_out import fan_out
from connectors.declared.domain_reads import DomainRead
from connectors.declared.read_records import Read, all_or_failure, read_or_failure
from connectors.declared.search.pages import find_page, find_size
from connectors.declared.sql.answers import build_row_reader
from connectors.declared.sql.conditions import SelectedFields
from connectors.declared.sql.queries import SqlSource, build_column_text
from connectors.declared.sql.search_statements import SearchStatement
from connectors.declared.sql.statements import parse_statement
from connectors.declared.sql.tables import SqlReadTable
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.sql.connections import Row
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.description import get_field_types


def build_search_read(source: SqlSource, domain_read: DomainRead, table: SqlReadTable) -> Read:
    """Build a read for queries of the domain: one statement for each query.

    Raises:
        NotDeclarableError: A part of the query selects nothing, or cannot be compared with a field.

    """
    place = f"reads.{domain_read.name}"
    page = find_page(domain_read)
    for name in ("key", "group", "python"):
        if getattr(table, name):
            raise NotDeclarableError(f"{place}.{name}", "the read takes queries, not keys; remove this line")
    record = domain_read.record if page is None else page.record
    reader = build_row_reader(source, domain_read.name, record)
    columns = {table.id, *reader.columns}
    statement = parse_statement(f"{place}.statement", table.statement, source.driver.dialect, columns, parameters=())
    fields = SelectedFields(statement, get_field_types(record), source.records.find_table(record))
    search = SearchStatement.build(fields, domain_read, table)
    work, check, id_of = source.driver.work, source.check, build_column_text(table.id)
    read_row = partial(read_or_failure, source.agency, reader.read)

    async def ask(query: Any, call: Call) -> Any:  # noqa: ANN401 - a query and an answer of the domain
        asked = search.write(query)
        rows: Sequence[Row] = ()
        if asked is not None:
            rows = await source.driver.rows(asked.statement, asked.parameters, call, lists=asked.lists)
        if len({id_of(row) for row in rows}) < len(rows):
            raise check.record_mismatch("one record is listed twice")
        if page is None:
            return all_or_failure(await work.map(rows, read_row))
        size = find_size(query)
        found = all_or_failure(await work.map(rows[:size], read_row))
        if isinstance(found, AgencyFailure):
            return found
        return page.page(**{page.records_field: found, page.more_field: len(rows) > size})

    async def read(queries: Sequence[Any], call: Call) -> Answers[Any, Any]:
        return await fan_out(queries, lambda query: ask(query, call), limit=source.limits.max_concurrency)

    return read
