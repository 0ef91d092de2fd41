"""The files of a run."""

from pathlib import Path

import orjson

from benchmarks.comparison import targets
from benchmarks.reports import results
from benchmarks.reports.run_report import RunReport
from tests.benchmarks.reports.rows import build_row


def test_saved_rows_are_read_back_and_the_rest_is_in_run_json(tmp_path: Path) -> None:
    rows = [build_row(targets.SIMPUL.name, 40), build_row(targets.RAW.name, 100)]
    left_out = {targets.HIVE.name: "node is not installed"}
    RunReport(effort="quick", machine={"cores": 2}, versions={"wrk": "4.1"}, rows=rows, left_out=left_out).save(
        tmp_path
    )
    assert results.read_rows(tmp_path / "results.json") == rows
    document = orjson.loads((tmp_path / "run.json").read_bytes())
    assert (document["effort"], document["machine"], document["left_out"]) == ("quick", {"cores": 2}, left_out)


def test_each_row_has_the_documented_members(tmp_path: Path) -> None:
    RunReport(effort="quick", machine={}, versions={}, rows=[build_row("A", 10)]).save(tmp_path)
    assert orjson.loads((tmp_path / "results.json").read_bytes()) == [
        {
            "target": "A",
            "query": "Q3",
            "connections": 16,
            "requests_per_second": 5.0,
            "requests_per_cpu_second": 10.0,
            "p50_ms": 1.0,
            "p99_ms": 2.0,
            "peak_memory_mb": 50.0,
            "upstream_calls_per_request": 2.0,
            "upstream_share": 0.5,
            "failed_requests": 0,
        }
    ]
