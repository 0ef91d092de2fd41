"""Declared reads over SQL: one statement for any number of keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from connectors.batching.fan_out import ask_in_chunks
from connectors.batching.row_groups import RowGrouping
from connectors.declared.domain_reads import KEY, DomainRead, list_key_parts
from connectors.declared.read_records import FacetRead, Read
from connectors.declared.sql.answers import AnswerMaker, build_answer_maker
from connectors.declared.sql.facets import build_facet_read
from connectors.declared.sql.queries import KeyedQuery, SqlSource, build_column_text
from connectors.declared.sql.searches import build_search_read
from connectors.declared.sql.statements import parse_statement
from connectors.declared.sql.tables import SqlReadTable
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.sql.connections import Row
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure

Ask = Callable[[Sequence[str], Call], Any]


def build_sql_read(source: SqlSource, domain_read: DomainRead, table: SqlReadTable) -> Read | FacetRead:
    """Build one read: of facets, or of the rows of the requested keys, or of the groups of these keys.

    Raises:
        NotDeclarableError: The statement is not allowed, or does not select a declared column.

    """
    if list_key_parts(domain_read.key).keys() != {KEY}:
        return build_search_read(source, domain_read, table)
    place = f"reads.{domain_read.name}"
    if not table.key:
        raise NotDeclarableError(place, 'name the column with the key of each row: key = "nik"')
    for name in ("filters", "search", "order"):
        if getattr(table, name):
            raise NotDeclarableError(f"{place}.{name}", "the read takes keys, not queries; remove this line")
    if domain_read.facets:
        return build_facet_read(source, domain_read, table)
    maker = build_answer_maker(source, domain_read, table)
    columns = {table.key, *maker.columns, table.group or table.id}
    statement = parse_statement(f"{place}.statement", table.statement, source.driver.dialect, columns)
    query = KeyedQuery.build(source.driver, statement, table)
    ask = (_build_key_answers if table.group is None else _build_group_answers)(source, table, query, maker)
    limit = source.limits.max_batch_size

    def read(keys: Sequence[str], call: Call) -> Awaitable[Answers[str, Any]]:
        return ask_in_chunks(keys, lambda some: ask(some, call), max_batch_size=limit)

    return read


def _build_key_answers(source: SqlSource, table: SqlReadTable, query: KeyedQuery, maker: AnswerMaker) -> Ask:
    check, work, convert = source.check, source.driver.work, maker.convert
    key_of, id_of = build_column_text(table.key), build_column_text(table.id)

    async def ask(keys: Sequence[str], call: Call) -> Mapping[str, Any]:
        rows = await query.rows(keys, call, lambda rows: check.require_requested(map(key_of, rows), keys))
        groups = check.group_by_key(rows, keys, key_of=key_of, id_of=id_of)
        sound = [row for each in groups.values() if not isinstance(each, AgencyFailure) for row in each]
        records = iter(sound if maker.read_row is None else await work.map(sound, maker.read_row))
        if maker.is_single and len(rows) == len(sound) == len(groups):  # most often: one row for each key
            return dict(zip(groups, records, strict=True))
        if table.python is None:
            return {
                key: each if isinstance(each, AgencyFailure) else convert([next(records) for _ in each], key)
                for key, each in groups.items()
            }
        failed = {key: each for key, each in groups.items() if isinstance(each, AgencyFailure)}
        taken = [
            (key, [next(records) for _ in each]) for key, each in groups.items() if not isinstance(each, AgencyFailure)
        ]
        made = await work.map(taken, lambda found: convert(found[1], found[0]))
        return failed | {key: answer for (key, _), answer in zip(taken, made, strict=True) if answer is not None}

    return ask


def _build_group_answers(source: SqlSource, table: SqlReadTable, query: KeyedQuery, maker: AnswerMaker) -> Ask:
    work, group_column = source.driver.work, table.group or ""

    grouping: RowGrouping[Row] = RowGrouping(
        source.check, build_column_text(table.key), itemgetter(group_column), _is_value
    )
    read_row, convert = maker.read_row, maker.convert

    def make(members: tuple[Hashable, Sequence[Row]]) -> Any:  # noqa: ANN401 - any answer
        group, rows = members
        return convert(rows if read_row is None else [read_row(row) for row in rows], str(group))

    async def ask(keys: Sequence[str], call: Call) -> Mapping[str, Any]:
        rows = await query.rows(keys, call, lambda rows: grouping.require_requested(rows, keys))
        found = grouping.group_rows(rows, keys)
        members = tuple(found.groups.items())
        answers = dict(zip(found.groups, await work.map(members, make), strict=True))
        return {
            key: answer
            for key, group in found.by_key.items()
            if (answer := group if isinstance(group, AgencyFailure) else answers[group]) is not None
        }

    return ask


def _is_value(raw: object) -> bool:
    """Whether a column has a value, and not an agency's word for a missing one."""
    try:
        return text(raw) is not None
    except UnreadableError:
        return True
