"""The results while one agency fails: rows for machines, a table for people, and the table of the docs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.layout import HERE, ROOT

FILE = HERE / "faults.json"
PAGE = ROOT / "docs" / "maintainers" / "performance.md"
BEGIN, END = "<!-- faults: written by make bench FAULTS=1 -->\n", "<!-- end of faults -->\n"
RECOVERY_GOAL_S = 0.5
P99_GOAL_MS = 10.0
QUICK_FAULTS = frozenset({"reset", "truncated", "status 500"})
"""Faults that show immediately. Answers are late only because of retries."""
_COLUMNS = ("target", "fault", "p50 ms", "p99 ms", "rest kept", "well after")


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRow:
    """One target during one fault."""

    target: str
    fault: str
    """`none`: before the first fault."""
    answers: int
    p50_ms: float
    p99_ms: float
    kept_share: float
    """Share of the answers with correct data of the agencies that do not fail."""
    well_after_s: float | None
    """Seconds from the end of the fault to the last incomplete answer; None: it stayed incomplete."""


def judge_fault(row: FaultRow) -> list[str]:
    """The goals that a row misses."""
    missed = []
    if row.fault in QUICK_FAULTS and row.p99_ms > P99_GOAL_MS:
        missed.append(f"{row.fault}: p99 {row.p99_ms:.1f} ms, goal {P99_GOAL_MS:g} ms")
    if row.well_after_s is None or row.well_after_s > RECOVERY_GOAL_S:
        seconds = "never" if row.well_after_s is None else f"after {row.well_after_s:.2f} s"
        missed.append(f"{row.fault}: well {seconds}, goal {RECOVERY_GOAL_S:g} s")
    return missed


def print_faults(rows: Sequence[FaultRow], console: Console, judged: str) -> None:
    """Print the table, and the goals of the target `judged`."""
    table = Table(title="One of three agencies fails", title_justify="left")
    for name in _COLUMNS:
        table.add_column(name, justify="left" if name in {"target", "fault"} else "right", no_wrap=True)
    for row in rows:
        table.add_row(*_format_cells(row))
    console.print(table)
    missed = [text for row in rows if row.target == judged for text in judge_fault(row)]
    for text in missed:
        console.print(f"missed: {judged}, {text}")
    if not missed:
        console.print(f"{judged}: every goal reached.")


def save_faults(rows: Sequence[FaultRow], context: Mapping[str, Any], file: Path = FILE) -> None:
    """Write the rows with the context of the run."""
    document = dict(context) | {"rows": [asdict(row) for row in rows]}
    file.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")


def read_faults(file: Path = FILE) -> list[FaultRow]:
    """The rows of a saved run."""
    return [FaultRow(**each) for each in orjson.loads(file.read_bytes())["rows"]]


def render_table(rows: Sequence[FaultRow]) -> str:
    """The table in Markdown."""
    lines = [f"| {' | '.join(_COLUMNS)} |", "|---|---|---|---|---|---|"]
    lines += [f"| {' | '.join(_format_cells(row))} |" for row in rows]
    return "\n".join(lines) + "\n"


def write_table(rows: Sequence[FaultRow], page: Path = PAGE) -> None:
    """Replace the table of the page. Raises ValueError if the page has no place for it."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} lacks the lines {BEGIN.strip()} and {END.strip()}. Add them.")
    page.write_text(f"{before}{begin}\n{render_table(rows)}\n{end}{after}")


def _format_cells(row: FaultRow) -> tuple[str, ...]:
    well = "-" if row.fault == "none" else "not in time" if row.well_after_s is None else f"{row.well_after_s:.2f} s"
    kept = f"{row.kept_share:.0%}".replace("%", " %")
    return row.target, row.fault, f"{row.p50_ms:.1f}", f"{row.p99_ms:.1f}", kept, well
