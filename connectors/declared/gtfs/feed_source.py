"""Where the snapshot of a GTFS feed comes from: its zip, which is downloaded if it changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from connectors.declared.column_syntax import FLAT_COLUMNS
from connectors.declared.gtfs.client import GtfsClient
from connectors.declared.gtfs.feed_file import FEED_VERSION, write_feed
from connectors.declared.gtfs.feed_stops import STOP_LAYOUT, build_stop_table
from connectors.declared.snapshot.file import read_facts
from connectors.declared.snapshot.loader import OpenedRows, SnapshotSource
from connectors.declared.snapshot.snapshot import Snapshot, SnapshotPlace
from connectors.declared.snapshot.tables import SnapshotTable
from connectors.declared.tables import RowsTable
from connectors.drivers.gtfs.feed_zip import FeedZip
from records.calls.call import Call

FEED: Final = "feed"
"""The name of the snapshot."""


def build_feed_source(client: GtfsClient, folder: Path) -> SnapshotSource:
    """The source of the snapshot, whose files are in the folder. Opens nothing."""
    schedule, stops = client.wire.schedule, build_stop_table()
    table = SnapshotTable.model_construct(
        rows=RowsTable(),
        every=schedule.every,
        max_age=schedule.max_age,
        max_shrink=schedule.max_shrink,
        max_unreadable=schedule.max_unreadable,
    )
    form = STOP_LAYOUT.compute_form([FEED_VERSION, stops])
    place = SnapshotPlace(folder / client.agency, FEED, form)
    name = schedule.file.partition("?")[0].rpartition("/")[2]

    @asynccontextmanager
    async def open_rows(call: Call) -> AsyncIterator[OpenedRows]:
        former = read_facts(place.current)
        known = None if former is None or former.form != form else former.identity
        found = await client.fetch_schedule(schedule.file, known, call)
        if found is None:
            content, dated, identity = b"", None, known
        else:
            content, dated, identity = found.content, found.dated, found.identity
        rows = FeedZip(name, content, schedule.max_unpacked)
        yield OpenedRows(name=name, dated=dated, identity=identity, rows=rows)

    return SnapshotSource(
        snapshot=Snapshot(client.agency, FEED, table, STOP_LAYOUT, place),
        open_rows=open_rows,
        records={"Stop": stops},
        columns=FLAT_COLUMNS,
        write=write_feed,
    )
