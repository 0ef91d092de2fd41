"""Metrics of a hub of several real processes, some of which are killed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from telemetry.metrics.exposition import render_exposition
from telemetry.metrics.health import build_agency_health
from telemetry.metrics.metric_values import MetricValues
from telemetry.metrics.metrics_collector import MetricsCollector
from telemetry.metrics.minutes import AgencyMinute
from telemetry.metrics.run_files import RunFiles
from tests.telemetry.metrics.counting_worker import CallSource, CountingWorker

Start = Callable[[int], CountingWorker]
CALLS = "simpul_agency_calls_total"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts workers that have counted the given number of calls."""
    workers: list[CountingWorker] = []

    def started(calls: int) -> CountingWorker:
        workers.append(CountingWorker(tmp_path, calls))
        return workers[-1]

    yield started
    for each in workers:
        each.close()


def build_collector(folder: Path | None, calls: int = 0) -> MetricsCollector:
    return MetricsCollector([CallSource(calls)], get_agency_totals=dict, folder=folder, write_interval=3600)


async def collect_all(folder: Path | None, *, calls: int = 0) -> tuple[float | None, float | None, float | None]:
    """What one process reports: calls, calls in flight, and living processes, including itself."""
    own = build_collector(folder, calls)
    async with own.run():
        whole = await own.collect_all()
    return (
        whole.get_value(CALLS, "pbb"),
        whole.get_value("simpul_agency_calls_in_flight", "pbb"),
        whole.get_value("simpul_workers"),
    )


async def collect_calls(asked: MetricsCollector) -> float:
    return (await asked.collect_all()).get_value(CALLS, "pbb") or 0.0


def list_files(folder: Path) -> list[str]:
    """The files that processes share."""
    return sorted(path.name for path in folder.glob("*/*"))


def overwrite_file(folder: Path, worker: CountingWorker, body: bytes = b"half a fi") -> None:
    [path] = folder.glob(f"*/{worker.pid}-*.numbers")
    path.write_bytes(body)


async def test_every_process_reports_the_counts_of_all(start: Start, tmp_path: Path) -> None:
    start(10)
    start(200)
    assert await collect_all(tmp_path, calls=3) == (213, 3, 3)


async def test_a_process_without_a_folder_reports_its_own_values(start: Start) -> None:
    start(10)
    assert await collect_all(None, calls=3) == (3, 1, 1)


async def test_counters_of_a_killed_process_stay_and_its_gauges_do_not(start: Start, tmp_path: Path) -> None:
    start(10)
    start(200).kill()
    assert await collect_all(tmp_path, calls=3) == (213, 2, 2)


async def test_a_process_that_ended_in_order_loses_no_counts(start: Start, tmp_path: Path) -> None:
    start(10).end()
    assert await collect_all(tmp_path, calls=3) == (13, 1, 1)


async def test_the_files_of_ended_processes_are_merged_and_count_once(start: Start, tmp_path: Path) -> None:
    for calls in (1, 2, 4):
        start(calls).kill()
    files = RunFiles(tmp_path)
    files.open()
    for _ in range(2):
        files.merge_ended()
    files.close()
    left = [name for name in list_files(tmp_path) if name[0].isdecimal()]
    assert [Path(name).suffix for name in left] == [".lock"]  # of the process that merged, and wrote nothing
    assert await collect_all(tmp_path) == (7, 1, 1)


async def test_a_crash_between_merge_and_removal_counts_nothing_twice(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(5).kill()
    files = RunFiles(tmp_path)
    files.open()
    with monkeypatch.context() as crash:
        crash.setattr(Path, "unlink", _crashed)
        with pytest.raises(OSError, match="crashed"):
            files.merge_ended()
    assert await collect_all(tmp_path) == (5, 1, 1)
    files.merge_ended()
    files.close()
    assert await collect_all(tmp_path) == (5, 1, 1)


def test_of_ended_processes_only_the_last_hour_is_kept(tmp_path: Path) -> None:
    now = int(time.time() // 60)
    for number in (now - 61, now - 1):
        files = RunFiles(tmp_path)
        files.open()
        files.write(MetricValues(minutes=[AgencyMinute(number, "pbb", answered=1)]))
        files.close()
    files = RunFiles(tmp_path)
    files.open()
    files.merge_ended()
    _, [ended] = files.read_others()
    files.close()
    assert [each.number for each in ended.minutes] == [now - 1]


def _crashed(_path: Path, *, missing_ok: bool) -> None:
    raise OSError(f"crashed {missing_ok}")


async def test_counters_never_decrease_while_processes_start_and_are_killed(start: Start, tmp_path: Path) -> None:
    one, other = build_collector(tmp_path, 1), build_collector(tmp_path, 1)
    async with one.run(), other.run():
        seen = [0.0]
        for turn in range(6):
            worker = start(turn)
            worker.count(1)
            seen += [await collect_calls(one), await collect_calls(other)]
            worker.kill()
            seen.append(await collect_calls(other))
            RunFiles(tmp_path).merge_ended()
            seen.append(await collect_calls(one))
    assert seen == sorted(seen)
    assert seen[-1] == 2 + sum(turn + 1 for turn in range(6))


async def test_an_unreadable_file_loses_only_its_own_values(start: Start, tmp_path: Path) -> None:
    start(10)
    broken = start(200)
    overwrite_file(tmp_path, broken)
    assert await collect_all(tmp_path, calls=3) == (13, 2, 2)


LAG = "simpul_event_loop_lag_seconds"


@pytest.mark.parametrize(
    "written",
    [
        {"spreads": {LAG: {("",): [[1.0, 2.0], [1], 3.0]}}},
        {"spreads": {LAG: {(): [[1.0], [1, 2, 3], 3.0]}}},
        {"spreads": {LAG: {("pbb", "x"): [[1.0], [1, 2], 3.0]}}},
        {"values": {CALLS: {("pbb", "x"): 100.0, (): 100.0}}},
        {"values": {CALLS: {("pbb",): "many"}}},
        {"minutes": [[2**62, "pbb", 1, 1]]},
    ],
    ids=str,
)
async def test_a_foreign_file_is_ignored(start: Start, tmp_path: Path, written: dict[str, object]) -> None:
    hostile = start(200)
    overwrite_file(tmp_path, hostile, msgspec.msgpack.encode(written))
    hostile.kill()
    own = build_collector(tmp_path, 3)
    async with own.run():
        for _ in range(2):  # the second time, they were merged
            whole = await own.collect_all()
            assert whole.get_value(CALLS, "pbb") == 3
            assert b'simpul_agency_calls_total{agency="pbb"} 3.0' in render_exposition(whole, "")[0]
            assert build_agency_health(["pbb"], whole, time.time())[0].hour is None
            RunFiles(tmp_path).merge_ended()


async def test_a_folder_writable_by_other_users_is_not_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "metrics-v1").mkdir()
    (tmp_path / "metrics-v1").chmod(0o777)
    assert await collect_all(tmp_path, calls=3) == (3, 1, 1)
    assert "The run folder cannot be used (other users can write there)" in caplog.text
    assert list((tmp_path / "metrics-v1").iterdir()) == []


async def test_an_unusable_folder_is_logged_once_and_the_process_counts_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    taken = tmp_path / "file"
    taken.write_text("")
    with caplog.at_level(logging.WARNING, "simpul.metrics"):
        assert await collect_all(taken, calls=3) == (3, 1, 1)
    assert [each.getMessage() for each in caplog.records if each.name == "simpul.metrics"] == [
        "The run folder cannot be used (Not a directory): metrics show one process only. See SIMPUL_RUN_FOLDER."
    ]


async def test_a_recent_collection_is_reused_within_max_age(tmp_path: Path) -> None:
    counted = CallSource(1)
    own = MetricsCollector([counted], get_agency_totals=dict, folder=tmp_path, write_interval=3600)
    async with own.run():
        await own.collect_all()
        counted.calls = 2
        assert (await own.collect_all(max_age=60)).get_value(CALLS, "pbb") == 1
        assert (await own.collect_all()).get_value(CALLS, "pbb") == 2


def test_the_files_are_readable_by_the_hubs_user_only(start: Start, tmp_path: Path) -> None:
    start(1)
    [folder] = tmp_path.iterdir()
    assert folder.stat().st_mode & 0o077 == 0
    assert {each.stat().st_mode & 0o077 for each in folder.iterdir()} == {0}
