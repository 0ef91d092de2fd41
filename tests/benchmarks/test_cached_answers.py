"""The report about cached answers."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from benchmarks import cached_answers
from benchmarks.comparison import targets
from benchmarks.reports.results import Row
from tests.benchmarks.reports.rows import build_row


def print_to_text(rows: list[Row]) -> str:
    text = StringIO()
    cached_answers.print_warm(rows, Console(file=text, width=1_000))
    return text.getvalue()


def test_warm_is_compared_with_cold_and_the_ceiling() -> None:
    rows = [
        build_row(targets.SIMPUL.name, 40),
        build_row(targets.SIMPUL_WARM.name, 100),
        build_row(targets.RAW.name, 400),
    ]
    text = print_to_text([*rows, replace(rows[1], query="README")])
    assert text.count("\n") == 1
    assert text.startswith("Q3, 16 connections, Simpul: cold 20 requests/s (p99 2.0 ms), warm 50 (2.0 ms), ceiling 200")
    assert "warm is 2.50 times cold, and 25% of the ceiling" in text


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_an_invalid_figure_gives_no_comparison(broken: int) -> None:
    rows = [
        build_row(targets.SIMPUL.name, 40),
        build_row(targets.SIMPUL_WARM.name, 100),
        build_row(targets.RAW.name, 400),
    ]
    rows[broken] = replace(rows[broken], failed_requests=1)
    assert print_to_text(rows) == ""


def test_the_full_run_measures_every_program_of_the_warm_run() -> None:
    assert set(targets.COMPARED_WITH_WARM) <= set(targets.TARGETS)
