"""All rows of the newest complete file, for a snapshot. They are parsed where the snapshot is built."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from connectors.declared.files.tables import FileRowsTable
from connectors.declared.snapshot.loader import OpenedRows
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.files.driver import FilesDriver
from connectors.drivers.files.row_reading import FileRows
from records.calls.call import Call


@asynccontextmanager
async def open_file_rows(
    driver: FilesDriver, table: FileRowsTable, columns: frozenset[str], call: Call
) -> AsyncIterator[OpenedRows]:
    """Open all rows of the newest file. Raises `AgencyFailure`, at the end if the file changed meanwhile."""
    async with driver.open_newest(table.pattern, call) as found:
        rows = FileRows(found.name, found.path, table.build_format(columns))
        yield OpenedRows(name=found.name, dated=found.dated, identity=found.identity, rows=rows)


def check_file_rows(driver: FilesDriver, table: FileRowsTable, columns: frozenset[str]) -> None:
    """Check that the file can have the columns. Raises `NotDeclarableError` with a place below `rows`."""
    if "{date}" in table.file and not driver.is_local:
        raise NotDeclarableError("file", "an HTTP address cannot be listed: write the name without {date}")
    if "{date}" not in table.file and table.date_format != "%Y%m%d":
        raise NotDeclarableError("date_format", "the name has no {date}; remove the line")
    if not driver.is_local and table.done is not None:
        raise NotDeclarableError("done", "an HTTP address has no marker files; remove the line")
    names = table.columns if table.columns is not None else None if isinstance(table.header, bool) else table.header
    used = table.build_format(columns).required
    if names is not None and (missing := sorted(used - set(names))):
        line = "columns" if table.columns is not None else "header"
        raise NotDeclarableError(line, f"it does not name the column '{missing[0]}'")
