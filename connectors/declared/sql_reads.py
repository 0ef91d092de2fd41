"""Declared reads over SQL: one statement for any number of keys."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from connectors.batching.fan_out import ask_in_chunks
from connectors.batching.row_check import RowCheck
from connectors.declared.domain_reads import DomainRead
from connectors.declared.record_readers import RecordReader
from connectors.declared.sql_statements import KEYS, check_statement
from connectors.declared.tables import SqlReadTable
from connectors.drivers.sql.driver import Row, SqlDriver
from connectors.readers.unreadable import UnreadableError
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed

Read = Callable[[Sequence[Any], Call], Awaitable[Answers[Any, Any]]]
"""From keys to the answers; see the domain protocol."""

_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,17}")
"""Numbers as a database writes them; 18 digits fit the integers of every database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlSource:
    """What all reads of one agency use."""

    agency: str
    sql: SqlDriver
    scheme: str
    """That of the database's address: `postgresql`, `mysql`, `mariadb` or `sqlite`."""
    check: RowCheck
    max_batch_size: int | None = None


def build_sql_read(source: SqlSource, domain_read: DomainRead, table: SqlReadTable, reader: RecordReader[Any]) -> Read:
    """Build one read.

    Raises:
        NotDeclarableError: The statement is not allowed, or does not select a declared column.

    """
    place = f"reads.{domain_read.name}.statement"
    columns = {column for each in reader.columns.values() for column in each}
    check_statement(place, table.statement, source.scheme, {table.key, table.id, *columns})
    to_values = _select_numbers if table.key_type == "number" else list
    read_row = partial(_read_or_failure, source.agency, reader.read)
    sql, check, statement, key_column, id_column = source.sql, source.check, table.statement, table.key, table.id

    def key_of(row: Row) -> str:
        return str(row[key_column])

    def id_of(row: Row) -> str:
        return str(row[id_column])

    async def ask(keys: Sequence[str], call: Call) -> Mapping[str, Sequence[Any] | AgencyFailure]:
        values = to_values(keys)
        if not values:
            return {}
        rows = await sql.rows(
            statement,
            {KEYS: values},
            call,
            lists=(KEYS,),
            check=lambda rows: check.require_requested(map(key_of, rows), keys),
        )
        groups = check.group_by_key(rows, keys, key_of=key_of, id_of=id_of)
        sound = [row for each in groups.values() if not isinstance(each, AgencyFailure) for row in each]
        records = iter(await sql.work.map(sound, read_row))
        return {
            key: each if isinstance(each, AgencyFailure) else _all_or_failure([next(records) for _ in each])
            for key, each in groups.items()
        }

    async def ask_single(keys: Sequence[str], call: Call) -> Mapping[str, Any]:
        found = await ask(keys, call)
        return {key: each if isinstance(each, AgencyFailure) else _only(source, each) for key, each in found.items()}

    ask_some = ask if domain_read.is_list else ask_single

    async def read(keys: Sequence[str], call: Call) -> Answers[str, Any]:
        return await ask_in_chunks(keys, lambda some: ask_some(some, call), max_batch_size=source.max_batch_size)

    return read


def _select_numbers(keys: Sequence[str]) -> list[int]:
    """The keys as numbers. What is no number is unknown to the agency: MariaDB would take `12abc` for 12."""
    return [int(key) for key in keys if _NUMBER.fullmatch(key)]


def _read_or_failure(agency: str, read: Callable[[Row], Any], row: Row) -> Any:  # noqa: ANN401 - any record, or a failure
    try:
        return read(row)
    except UnreadableError as error:
        return AgencyMalformed(agency, str(error))


def _all_or_failure(found: Sequence[Any]) -> Sequence[Any] | AgencyFailure:
    """The records of one key; one that cannot be read is the failure of its key."""
    failed = next((each for each in found if isinstance(each, AgencyFailure)), None)
    return failed or tuple(found)


def _only(source: SqlSource, found: Sequence[Any]) -> Any:  # noqa: ANN401 - any record, or a failure
    return found[0] if len(found) == 1 else source.check.record_mismatch("several records for a key that has one")
