"""What an operator sees of snapshots without a running hub."""

from __future__ import annotations

import re
from pathlib import Path

from connectors.declared.snapshot.overview import describe_snapshots
from tests.connectors.declared.snapshot.points import (
    POINTS,
    change_snapshot,
    drop,
    loading_points,
    parse_tables,
)


async def test_a_snapshot_has_its_rows_its_date_and_why_it_was_not_loaded(tmp_path: Path) -> None:
    tables = parse_tables().snapshots
    folder = tmp_path / "snapshots"
    assert describe_snapshots(folder, "wifi", tables) == "points: not loaded yet"
    (tmp_path / "drops").mkdir()
    drop(tmp_path / "drops", "wifi_20261101.csv", POINTS.replace(";50\n", ";lima\n"))
    async with loading_points(tmp_path, change_snapshot(max_unreadable=1)) as loading:
        assert await loading.load() == ""
        assert describe_snapshots(folder, "wifi", tables) == (
            "points: 2 rows (1 left out) of 2026-11-01 00:00+07:00, overdue"
        )
        drop(tmp_path / "drops", "wifi_20261102.csv", POINTS[:-9])
        await loading.load()
        found = describe_snapshots(folder, "wifi", tables)
    assert re.fullmatch(r"points: 2 rows .*, overdue, not loaded: wifi_20261102\.csv: the last line .*", found)
