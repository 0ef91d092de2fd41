"""The report about failing agencies."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.reports import fault_report
from benchmarks.reports.fault_report import FaultRow

ROW = FaultRow(target="A", fault="reset", answers=300, p50_ms=2.04, p99_ms=9.96, kept_share=0.995, well_after_s=0.5)


@pytest.mark.parametrize(
    ("row", "missed"),
    [
        (ROW, []),
        (replace(ROW, p99_ms=67.0), ["reset: p99 67.0 ms, goal 10 ms"]),
        (replace(ROW, fault="hang", p99_ms=1000.0), []),
        (replace(ROW, well_after_s=2.04), ["reset: well after 2.04 s, goal 0.5 s"]),
        (replace(ROW, fault="hang", well_after_s=None), ["hang: well never, goal 0.5 s"]),
    ],
)
def test_the_goals_are_a_quick_recovery_and_no_wait_for_retries(row: FaultRow, missed: list[str]) -> None:
    assert fault_report.judge_fault(row) == missed


def test_goals_are_printed_for_one_target(tmp_path: Path) -> None:
    text = StringIO()
    late = replace(ROW, well_after_s=2.0)
    fault_report.print_faults([ROW, replace(late, target="B")], Console(file=text, width=1_000), judged="A")
    assert "A: every goal reached." in text.getvalue()
    assert "missed" not in text.getvalue()
    fault_report.save_faults([late], {"rate": 1}, tmp_path / "faults.json")
    assert fault_report.read_faults(tmp_path / "faults.json") == [late]


def test_the_table_of_a_page_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{fault_report.BEGIN}old\n{fault_report.END}after\n")
    fault_report.write_table([replace(ROW, fault="none"), replace(ROW, well_after_s=None)], page)
    assert page.read_text() == (
        f"before\n{fault_report.BEGIN}\n"
        "| target | fault | p50 ms | p99 ms | rest kept | well after |\n|---|---|---|---|---|---|\n"
        "| A | none | 2.0 | 10.0 | 100 % | - |\n| A | reset | 2.0 | 10.0 | 100 % | not in time |\n"
        f"\n{fault_report.END}after\n"
    )
    page.write_text("nothing")
    with pytest.raises(ValueError, match=r"^page\.md lacks the lines .*Add them\.$"):
        fault_report.write_table([ROW], page)


def test_the_table_of_the_docs_is_that_of_the_saved_run() -> None:
    assert fault_report.render_table(fault_report.read_faults()) in fault_report.PAGE.read_text(encoding="utf-8")
