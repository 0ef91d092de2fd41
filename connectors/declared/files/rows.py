"""All rows of the newest complete file, for a snapshot. They are parsed where the snapshot is built."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from connectors.declared.driver_family import Source
from connectors.declared.files.tables import FileRowsTable
from connectors.declared.snapshot.loader import OpenedRows, OpenRows
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.files.driver import FilesDriver
from connectors.drivers.files.row_reading import FileRows
from records.calls.call import Call


def build_file_rows(source: Source[FilesDriver], place: str, table: FileRowsTable, columns: frozenset[str]) -> OpenRows:
    """Compile the table at this place of the manifest. Raises `NotDeclarableError` if files cannot be so."""
    driver, pattern, row_format = source.driver, table.pattern, table.build_format(columns)
    _check_pattern(driver, place, table)
    names = table.columns if table.columns is not None else None if isinstance(table.header, bool) else table.header
    if names is not None and (missing := sorted(row_format.required - set(names))):
        line = "columns" if table.columns is not None else "header"
        raise NotDeclarableError(f"{place}.{line}", f"it does not name the column '{missing[0]}'")

    @asynccontextmanager
    async def open_rows(call: Call) -> AsyncIterator[OpenedRows]:
        async with driver.open_newest(pattern, call) as found:
            rows = FileRows(found.name, found.path, row_format, found.content)
            yield OpenedRows(name=found.name, dated=found.dated, identity=found.identity, rows=rows)

    return open_rows


def _check_pattern(driver: FilesDriver, place: str, table: FileRowsTable) -> None:
    if "{date}" in table.file and not driver.is_local:
        raise NotDeclarableError(f"{place}.file", "an HTTP address cannot be listed: write the name without {date}")
    if "{date}" not in table.file and table.date_format != "%Y%m%d":
        raise NotDeclarableError(f"{place}.date_format", "the name has no {date}; remove the line")
    if not driver.is_local and table.done is not None:
        raise NotDeclarableError(f"{place}.done", "an HTTP address has no marker files; remove the line")
