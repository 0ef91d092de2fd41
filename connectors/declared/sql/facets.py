"""Declared facets over SQL: one statement, of which only the columns and joins of the wanted records are sent."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.batching.fan_out import ask_in_chunks
from connectors.declared.domain_reads import DomainRead
from connectors.declared.read_records import FacetRead
from connectors.declared.record_readers import RecordReader
from connectors.declared.sql.answers import build_row_reader
from connectors.declared.sql.queries import KeyedQuery, SqlSource, build_column_text
from connectors.declared.sql.statements import SqlSelect, parse_statement
from connectors.declared.sql.tables import SqlReadTable
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.sql.connections import Row
from connectors.readers.unreadable import UnreadableError
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed

Wanted = frozenset[type[Any]]


def build_facet_read(source: SqlSource, domain_read: DomainRead, table: SqlReadTable) -> FacetRead:
    """Build a read of facets.

    Raises:
        NotDeclarableError: The statement is not allowed, does not select a declared column, or cannot be cut down.

    """
    place = f"reads.{domain_read.name}"
    for name in ("group", "python"):
        if getattr(table, name) is not None:
            raise NotDeclarableError(f"{place}.{name}", "facets are declared records; remove this line")
    readers = {facet: build_row_reader(source, domain_read.name, facet) for facet in domain_read.facets}
    columns = {table.key, table.id}.union(*(each.columns for each in readers.values()))
    statement = parse_statement(f"{place}.statement", table.statement, source.driver.dialect, columns)
    statement.require_prunable()
    queries = _FacetQueries(source, table, statement, readers, {})
    check, work, limit = source.check, source.driver.work, source.limits.max_batch_size
    key_of, id_of = build_column_text(table.key), build_column_text(table.id)

    async def ask(keys: Sequence[str], wanted: Wanted, call: Call) -> Mapping[str, Any]:
        if not wanted:
            return {}
        query, read_facets = queries.find(wanted)
        rows = await query.rows(keys, call, lambda rows: check.require_requested(map(key_of, rows), keys))
        found = check.group_by_key(rows, keys, key_of=key_of, id_of=id_of)
        read = await work.map(tuple(found.values()), read_facets)
        return dict(zip(found, read, strict=True))

    def read(keys: Sequence[str], wanted: Wanted, call: Call) -> Awaitable[Answers[str, Mapping[type[Any], Any]]]:
        return ask_in_chunks(keys, lambda some: ask(some, wanted, call), max_batch_size=limit)

    return read


class _ReadFacets:
    """From the row of a key to its wanted facets."""

    def __init__(self, source: SqlSource, readers: Mapping[type[Any], RecordReader[Any]]) -> None:
        self._source = source
        self._readers = [(facet, each.read) for facet, each in readers.items()]

    def __call__(self, rows: Sequence[Row] | AgencyFailure) -> Any:  # noqa: ANN401 - facets, or a failure
        if isinstance(rows, AgencyFailure):
            return rows
        if len(rows) > 1:
            return self._source.check.record_mismatch("several rows for a key that has one")
        row = rows[0]
        try:
            return {facet: read(row) for facet, read in self._readers}
        except UnreadableError as error:
            return AgencyMalformed(self._source.agency, str(error))


@dataclass(frozen=True, slots=True)
class _FacetQueries:
    """The query of each set of wanted facets, compiled when it is first wanted."""

    source: SqlSource
    table: SqlReadTable
    statement: SqlSelect
    readers: Mapping[type[Any], RecordReader[Any]]
    compiled: dict[Wanted, tuple[KeyedQuery, _ReadFacets]]

    def find(self, wanted: Wanted) -> tuple[KeyedQuery, _ReadFacets]:
        """The query for these facets, and what reads its rows."""
        if (found := self.compiled.get(wanted)) is None:
            readers = {facet: each for facet, each in self.readers.items() if facet in wanted}
            columns = {self.table.key, self.table.id}.union(*(each.columns for each in readers.values()))
            query = KeyedQuery.build(self.source.driver, self.statement.select(columns), self.table)
            found = self.compiled[wanted] = query, _ReadFacets(self.source, readers)
        return found
