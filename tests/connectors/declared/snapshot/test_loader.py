"""Loading of snapshots: what is published, what is not, and what happens to the last good copy."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.declared.snapshot.process import Build, BuildProcesses
from records.calls.failures import AgencyUnavailable
from records.clocks import CITY_TIME_ZONE
from tests.connectors.declared.snapshot.points import (
    GROGOL,
    HEADER,
    MONAS,
    POINTS,
    SENEN,
    TABLES,
    Loading,
    build_points,
    change_rows,
    change_snapshot,
    drop,
    loading_points,
)
from tests.connectors.failures import make_call


@pytest.fixture
def drops(tmp_path: Path) -> Path:
    path = tmp_path / "drops"
    path.mkdir()
    return path


async def find_ids(loading: Loading) -> list[str]:
    return sorted(await loading.connector.hot_spots(list("123456789"), make_call()))


async def test_a_new_file_is_published_and_drops_the_cached_answers_of_the_agency(tmp_path: Path, drops: Path) -> None:
    drop(drops, "wifi_20261101.csv", POINTS)
    async with loading_points(tmp_path) as loading:
        assert await loading.load() == ""
        assert await find_ids(loading) == ["1", "2", "3"]
        drop(drops, "wifi_20261102.csv", HEADER + MONAS + SENEN)
        assert await loading.load() == ""
        assert await find_ids(loading) == ["1", "2"]
        assert loading.published == ["wifi", "wifi"]
        facts = loading.snapshot.open_current().facts
    assert (facts.rows, facts.left_out, facts.as_of.isoformat()) == (2, 0, "2026-11-02T00:00:00+07:00")


async def test_a_file_that_did_not_change_is_not_loaded_again(tmp_path: Path, drops: Path) -> None:
    drop(drops, "wifi_20261101.csv", POINTS)
    async with loading_points(tmp_path) as loading:
        assert await loading.load() == ""
        assert await loading.load() == ""
        assert loading.published == ["wifi"]


@dataclass(frozen=True, slots=True)
class BadFile:
    """A file that must not be published."""

    content: str | bytes
    problem: str
    given: Mapping[str, Any] = field(default_factory=lambda: TABLES)
    trailer: str = ""
    """Of the good file before it."""


@pytest.mark.parametrize(
    "bad",
    {
        "a half file": BadFile(
            HEADER + MONAS, ": 1 rows; the last good copy has 3, and max_shrink is 0.2", change_snapshot(max_shrink=0.2)
        ),
        "a cut row": BadFile(POINTS[:-30], ": the last line has no line break, so the file may be cut"),
        "too few rows": BadFile(HEADER + MONAS, ": 1 rows; min_rows is 2", change_snapshot(min_rows=2)),
        "no rows": BadFile(HEADER, ": 0 rows; min_rows is 1"),
        "a vanished column": BadFile(
            POINTS.replace("kapasitas", "jumlah"), ": there is no column 'kapasitas'; it vanished, or has another name"
        ),
        "a changed type": BadFile(
            POINTS.replace(";50\n", ";rahasia\n"),
            ", line 3: column 'kapasitas': not readable as a whole number (HotSpot.users)",
        ),
        "a missing value": BadFile(
            POINTS.replace("Pasar Senen;J", ";J"), ", line 3: column 'nama': not readable as a text (HotSpot.name)"
        ),
        "a changed region": BadFile(
            POINTS.replace("31.73.02.1001", "Grogol"),
            ", line 4: column 'kode': not readable as a Kemendagri region code",
        ),
        "two rows of one id": BadFile(
            POINTS + MONAS.replace("30", "31"), ", line 5: the same id as an earlier row, with different contents"
        ),
        "another encoding": BadFile(
            POINTS.replace("Senen", "S\xe9nen").encode("latin-1"), ": not encoded as utf-8-sig"
        ),
        "a missing trailer": BadFile(
            POINTS, ": no trailer row 'TRL'", change_rows(trailer={"marker": "TRL", "count": 2}), "TRL;3\n"
        ),
    }.values(),
    ids=lambda bad: bad.problem[:20],
)
async def test_a_bad_file_names_its_fault_and_the_last_good_copy_stays(
    tmp_path: Path, drops: Path, bad: BadFile
) -> None:
    drop(drops, "wifi_20261101.csv", POINTS + bad.trailer)
    async with loading_points(tmp_path, bad.given) as loading:
        assert await loading.load() == ""
        drop(drops, "wifi_20261102.csv", bad.content)
        found = await loading.load()
        assert found.startswith(f"wifi_20261102.csv{bad.problem}")
        assert "rahasia" not in found
        assert await find_ids(loading) == ["1", "2", "3"]
        assert loading.published == ["wifi"]
        assert not loading.snapshot.place.building.exists()


async def test_a_list_that_may_be_empty_is_published_without_rows_and_with_rows_again(
    tmp_path: Path, drops: Path
) -> None:
    drop(drops, "wifi_20261101.csv", POINTS)
    async with loading_points(tmp_path, change_snapshot(min_rows=0, max_shrink=1.0)) as loading:
        for name, content, ids in (("02", HEADER, []), ("03", POINTS, ["1", "2", "3"])):
            assert await loading.load() == ""
            drop(drops, f"wifi_202611{name}.csv", content)
            assert await loading.load() == ""
            assert await find_ids(loading) == ids


async def test_the_same_row_twice_is_one_record(tmp_path: Path, drops: Path) -> None:
    drop(drops, "wifi_20261101.csv", POINTS + MONAS)
    async with loading_points(tmp_path) as loading:
        assert await loading.load() == ""
        assert loading.snapshot.open_current().facts.rows == 3


async def test_a_declared_number_of_unreadable_rows_is_left_out(tmp_path: Path, drops: Path) -> None:
    bad = POINTS.replace(";50\n", ";lima puluh\n")
    drop(drops, "wifi_20261101.csv", bad)
    async with loading_points(tmp_path, change_snapshot(max_unreadable=1)) as loading:
        assert await loading.load() == ""
        facts = loading.snapshot.open_current().facts
        assert (facts.rows, facts.left_out) == (2, 1)
        drop(drops, "wifi_20261102.csv", bad.replace(";20\n", ";dua puluh\n"))
        assert (await loading.load()).startswith("wifi_20261102.csv, line 3: column 'kapasitas'")


async def test_incomplete_rows_are_left_out_where_the_manifest_says_so(tmp_path: Path, drops: Path) -> None:
    drop(drops, "wifi_20261101.csv", POINTS + ";;;;;;\n")
    async with loading_points(tmp_path, change_snapshot(skip_without="id")) as loading:
        assert await loading.load() == ""
        assert loading.snapshot.open_current().facts.rows == 3


async def test_a_column_with_dates_says_how_old_the_data_is(tmp_path: Path, drops: Path) -> None:
    rows = [
        HEADER.strip() + ";diubah",
        MONAS.strip() + ";03/11/2026",
        SENEN.strip() + ";05/11/2026 10:30",
        GROGOL.strip() + ";",
    ]
    drop(drops, "wifi_20261101.csv", "\n".join(rows) + "\n")
    async with loading_points(tmp_path, change_snapshot(as_of="diubah")) as loading:
        assert await loading.load() == ""
        assert loading.snapshot.open_current().facts.as_of.isoformat() == "2026-11-05T10:30:00+07:00"


async def test_after_a_restart_the_last_good_copy_answers_while_the_source_is_gone(tmp_path: Path, drops: Path) -> None:
    file = drop(drops, "wifi_20261101.csv", POINTS)
    async with loading_points(tmp_path) as loading:
        assert await loading.load() == ""
    file.unlink()
    async with loading_points(tmp_path) as loading:
        assert await find_ids(loading) == ["1", "2", "3"]
        assert await loading.load() == "there is no file wifi_{date}.csv"
        assert await find_ids(loading) == ["1", "2", "3"]


async def test_a_changed_manifest_never_answers_from_rows_that_were_read_by_another(
    tmp_path: Path, drops: Path
) -> None:
    drop(drops, "wifi_20261101.csv", POINTS)
    async with loading_points(tmp_path) as loading:
        assert await loading.load() == ""
        former = loading.snapshot.place
    records = {"HotSpot": {**TABLES["records"]["HotSpot"], "name": "alamat"}}
    async with loading_points(tmp_path, {**TABLES, "records": records}) as loading:
        with pytest.raises(AgencyUnavailable):
            await loading.connector.hot_spots(["1"], make_call())
        assert await loading.load() == ""
        [found] = (await loading.connector.hot_spots(["1"], make_call())).values()
        assert getattr(found, "name") == "Jl. Merdeka Utara 1"  # noqa: B009 - or a failure
        assert not former.current.exists()


async def test_a_manifest_with_its_lines_in_another_order_answers_from_the_same_file(
    tmp_path: Path, drops: Path
) -> None:
    drop(drops, "wifi_20261101.csv", POINTS)
    async with loading_points(tmp_path) as loading:
        assert await loading.load() == ""
    fields = dict(reversed(TABLES["records"]["HotSpot"].items()))
    reads = dict(reversed(TABLES["reads"].items()))
    async with loading_points(tmp_path, {**TABLES, "records": {"HotSpot": fields}, "reads": reads}) as loading:
        assert await find_ids(loading) == ["1", "2", "3"]


async def test_a_shrunken_source_is_noticed_after_a_change_of_the_manifest_too(tmp_path: Path, drops: Path) -> None:
    drop(drops, "wifi_20261101.csv", POINTS)
    async with loading_points(tmp_path) as loading:
        assert await loading.load() == ""
    drop(drops, "wifi_20261102.csv", HEADER + MONAS)
    async with loading_points(tmp_path, change_snapshot(every="2 h")) as loading:
        assert "1 rows; the last good copy has 3" in await loading.load()


async def test_readers_switch_to_a_new_file_while_they_read_the_old_one(tmp_path: Path, drops: Path) -> None:
    drop(drops, "wifi_20261101.csv", POINTS)
    async with loading_points(tmp_path) as loading:
        assert await loading.load() == ""
        former = loading.snapshot.open_current()
        with former.connection() as reading:
            drop(drops, "wifi_20261102.csv", HEADER + MONAS + SENEN)
            assert await loading.load() == ""
            assert await find_ids(loading) == ["1", "2"]
            assert reading.execute("SELECT count(*) FROM rows").fetchone() == (3,)
        with pytest.raises(Exception, match="closed database"):
            reading.execute("SELECT 1")


async def test_a_damaged_file_is_not_used(tmp_path: Path, drops: Path) -> None:
    drop(drops, "wifi_20261101.csv", POINTS)
    async with loading_points(tmp_path) as loading:
        loading.snapshot.place.current.write_bytes(b"not a database")
        with pytest.raises(AgencyUnavailable):
            await loading.connector.hot_spots(["1"], make_call())
        assert await loading.load() == ""
        assert await find_ids(loading) == ["1", "2", "3"]


async def test_a_build_whose_process_does_not_start_changes_nothing(
    tmp_path: Path, drops: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(drops, "wifi_20261101.csv", POINTS)
    async with loading_points(tmp_path) as loading:
        assert await loading.load() == ""
    async with BuildProcesses() as processes, loading_points(tmp_path, build=processes.build) as loading:
        drop(drops, "wifi_20261102.csv", HEADER + MONAS + SENEN)
        with monkeypatch.context() as patched:
            patched.setattr(sys, "executable", "/bin/false")
            assert await loading.load() == "wifi_20261102.csv: the process that builds the snapshot did not start"
        assert await find_ids(loading) == ["1", "2", "3"]


async def test_one_process_loads_and_the_next_takes_over_when_it_ends(
    tmp_path: Path, drops: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.declared.snapshot.loader._LOCK_POLL_SECONDS", 0.01)
    drop(drops, "wifi_20261101.csv", POINTS)
    first, second = (Loading(build_points(tmp_path)) for _ in range(2))
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(AsyncExitStack())
        await running.enter_async_context(first.loader.running())
        await first.loader.wait_for_data()
        await stack.enter_async_context(second.loader.running())
        assert await find_ids(second) == ["1", "2", "3"]
        drop(drops, "wifi_20261102.csv", HEADER + MONAS + SENEN)
        second.snapshot.place.note.unlink()  # so that the next loader looks immediately
        assert second.published == []
        await running.aclose()
        await asyncio.wait_for(second.was_published.wait(), timeout=30)
        assert await find_ids(second) == ["1", "2"]
    assert (first.published, second.published) == (["wifi"], ["wifi"])


async def test_data_that_is_too_old_is_overdue_and_the_probe_says_so(tmp_path: Path, drops: Path) -> None:
    yesterday = (datetime.now(CITY_TIME_ZONE) - timedelta(days=1)).strftime("%Y%m%d")
    drop(drops, f"wifi_{yesterday}.csv", POINTS)
    async with loading_points(tmp_path) as loading:
        assert await loading.load() == ""
        assert not loading.snapshot.get_status().is_overdue
        await loading.connector.probe(make_call())
    (drops / f"wifi_{yesterday}.csv").unlink()
    drop(drops, "wifi_20261101.csv", POINTS)
    async with loading_points(tmp_path, change_snapshot(every="2 h")) as loading:
        assert await loading.load() == ""
        assert loading.snapshot.get_status().is_overdue
        with pytest.raises(AgencyUnavailable) as failed:
            await loading.connector.probe(make_call())
        assert failed.value.detail == "the snapshot 'points' is overdue"
        assert await find_ids(loading) == ["1", "2", "3"]


async def test_a_failure_is_noted_since_when_it_lasts(tmp_path: Path, drops: Path) -> None:
    del drops
    async with loading_points(tmp_path) as loading:
        await loading.load()
        first = loading.snapshot.place.read_note()
        await loading.load()
        second = loading.snapshot.place.read_note()
    assert first is not None
    assert second is not None
    assert first.failing_since == second.failing_since
    assert second.looked_at > first.looked_at


async def test_files_of_snapshots_are_for_the_hub_alone(tmp_path: Path, drops: Path, build_in_process: Build) -> None:
    drop(drops, "wifi_20261101.csv", POINTS)
    loading = Loading(build_points(tmp_path), build_in_process)
    async with loading.loader.running():
        await loading.loader.wait_for_data()
    assert loading.snapshot.place.current.stat().st_mode & 0o077 == 0


async def test_a_folder_that_cannot_be_used_is_named_and_the_hub_serves_on(
    tmp_path: Path, drops: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.declared.snapshot.loader._FIRST_LOAD_TIMEOUT", 0.2)
    drop(drops, "wifi_20261101.csv", POINTS)
    loading = Loading(build_points(tmp_path))
    shutil.rmtree(tmp_path / "snapshots")
    (tmp_path / "snapshots").write_text("a file")
    async with loading.loader.running():
        await loading.loader.wait_for_data()
    assert caplog.messages == [
        "The folder of the snapshots of the agency 'wifi' cannot be used: Not a directory. Check SIMPUL_SNAPSHOT_FOLDER"
    ]
