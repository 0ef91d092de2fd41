"""The readers of the rows of a declared read over HTTP: its columns, its records, and the lists of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from operator import attrgetter
from typing import Any, cast

from connectors.declared.column_syntax import EACH
from connectors.declared.domain_reads import DomainRead
from connectors.declared.http.rows import HttpSource
from connectors.declared.http.tables import HttpReadTable
from connectors.declared.record_readers import RecordReader
from connectors.declared.tables import NotDeclarableError
from connectors.readers.rows import Row
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError


def list_columns(source: HttpSource, domain_read: DomainRead, table: HttpReadTable) -> Sequence[str]:
    """The columns that the answers of a read need; none if a function in Python takes the rows."""
    if table.python is not None:
        return ()
    reader = build_reader(source, domain_read)
    keys = (table.key,) if isinstance(table.key, str) else (table.key or {}).values()
    ids = () if table.id is None else (table.id,)
    return source.columns.list_names({*reader.columns, *reader.lists, *keys, *ids, *table.skip_without})


def build_reader(source: HttpSource, domain_read: DomainRead) -> RecordReader[Any]:
    """The reader of the records of a read. Raises `NotDeclarableError`."""
    if domain_read.facets:
        return source.records.build_facets(domain_read.name, domain_read.facets)
    return source.records.build(domain_read.name, domain_read.record)


def build_keyless_reader(source: HttpSource, domain_read: DomainRead, table: HttpReadTable) -> RecordReader[Any]:
    """The reader of a list's rows, which belong to no key."""
    place = f"reads.{domain_read.name}"
    if table.python is not None:
        raise NotDeclarableError(f"{place}.python", "it is for a read with one call for each key; remove the line")
    reader = build_reader(source, domain_read)
    if reader.takes_key:
        raise NotDeclarableError(place, f"{reader.record.__name__} takes {{key}}, but no call is for one key")
    return reader


def build_list_reader(
    source: HttpSource, domain_read: DomainRead, table: HttpReadTable, reader: RecordReader[Any]
) -> Callable[[Sequence[Row], Callable[[Row], Any]], Awaitable[Sequence[Any]]]:
    """From the rows of a list, and the reader of a row, to the records. Incomplete rows are left out."""
    if unneeded := sorted(set(table.skip_without) - reader.required.keys()):
        raise NotDeclarableError(
            f"reads.{domain_read.name}.skip_without", f"a record needs no '{unneeded[0]}'; remove it here"
        )
    is_complete, get_id = build_completeness(source, domain_read, table), None
    if table.id is not None:
        if table.id not in reader.required:
            raise NotDeclarableError(f"reads.{domain_read.name}.id", f"a record can be without '{table.id}'")
        get_id = attrgetter(reader.required[table.id])

    async def read_list(found: Sequence[Row], read_row: Callable[[Row], Any]) -> Sequence[Any]:
        try:
            records = await source.driver.work.map(found, read_row)
        except UnreadableError:
            # Incomplete rows are looked for afterwards: lists without any pay nothing for it.
            found = list(filter(is_complete, found))
            records = await source.driver.work.map(found, read_row)
        if get_id is None:
            return tuple(records)
        once: dict[Any, Any] = {}
        for each in records:
            former = once.setdefault(get_id(each), each)
            if former is not each and former != each:
                raise source.check.record_mismatch("one record is listed twice, with different contents")
        return tuple(once.values())

    return read_list


def build_completeness(source: HttpSource, domain_read: DomainRead, table: HttpReadTable) -> Callable[[Row], bool]:
    """Whether a row has a value in each column without which it is left out."""
    place = f"reads.{domain_read.name}.skip_without"
    readers = [build_column_reader(source, place, each) for each in table.skip_without]
    return (lambda row: all(read(row) is not None for read in readers)) if readers else (lambda _: True)


def build_keys_reader(source: HttpSource, place: str, column: str) -> Callable[[Row], Sequence[str | None]]:
    """The reader of a column with the key of a row; of each entry of a list, for `owners[].nik`."""
    if EACH not in column:
        read = build_column_reader(source, place, column)
        return lambda row: (read(row),)
    get_all = cast("Callable[[Row], Sequence[object] | None]", source.columns.compile(place, column))
    return lambda row: list(map(text, get_all(row) or ()))


def build_column_reader(source: HttpSource, place: str, column: str) -> Callable[[Row], str | None]:
    """The reader of a column with keys or identifiers, as text. Raises `UnreadableError`."""
    get = source.columns.compile(place, column)
    return lambda row: text(get(row))
