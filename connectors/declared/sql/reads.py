"""Declared reads over SQL: one statement for any number of keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from connectors.batching.fan_out import ask_in_chunks
from connectors.declared.domain_reads import DomainRead
from connectors.declared.driver_family import Source
from connectors.declared.read_records import NUMBER, Read, all_or_failure, only_record, read_or_failure
from connectors.declared.sql.statements import KEYS, check_statement
from connectors.declared.sql.tables import SqlReadTable
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.sql.driver import Row, SqlDriver
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure


def build_sql_read(source: Source[SqlDriver], domain_read: DomainRead, table: SqlReadTable) -> Read:
    """Build one read.

    Raises:
        NotDeclarableError: The statement is not allowed, or does not select a declared column.

    """
    place = f"reads.{domain_read.name}.statement"
    reader = source.records.build(domain_read.name, domain_read.record)
    if reader.takes_key:
        raise NotDeclarableError(place, f"{domain_read.record.__name__} takes {{key}}, but a statement selects columns")
    check_statement(place, table.statement, source.driver.scheme, {table.key, table.id, *reader.columns})
    to_values = _select_numbers if table.key_type == "number" else list
    read_row = partial(read_or_failure, source.agency, reader.read)
    sql, check, statement, key_column, id_column = source.driver, source.check, table.statement, table.key, table.id

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
            key: each if isinstance(each, AgencyFailure) else all_or_failure([next(records) for _ in each])
            for key, each in groups.items()
        }

    async def ask_single(keys: Sequence[str], call: Call) -> Mapping[str, Any]:
        found = await ask(keys, call)
        return {
            key: each if isinstance(each, AgencyFailure) else only_record(check, each) for key, each in found.items()
        }

    ask_some = ask if domain_read.is_list else ask_single

    async def read(keys: Sequence[str], call: Call) -> Answers[str, Any]:
        return await ask_in_chunks(keys, lambda some: ask_some(some, call), max_batch_size=source.limits.max_batch_size)

    return read


def _select_numbers(keys: Sequence[str]) -> list[int]:
    """The keys as numbers. What is no number is unknown to the agency: MariaDB would take `12abc` for 12."""
    return [int(key) for key in keys if NUMBER.fullmatch(key)]
