"""The results of a run: rows for machines, a table and ratios for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.comparison import targets

COMPARED_CONNECTIONS = 16
"""Number of connections for the ratios."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Results of one target, question and number of connections; medians over the rounds."""

    target: str
    query: str
    connections: int
    requests_per_second: float
    requests_per_cpu_second: float
    """Per processor second of the gateway and its children only."""
    p50_ms: float
    p99_ms: float
    peak_memory_mb: float
    upstream_calls_per_request: float
    failed_requests: int
    """Over all rounds; any failure invalidates the row."""

    def is_at(self, query: str, connections: int) -> bool:
        """Whether it belongs to this question and number."""
        return (self.query, self.connections) == (query, connections)


@dataclass(frozen=True, slots=True)
class Goal:
    """The goal for Simpul's ratio to a peer, in requests per processor second for Q3."""

    simpul: str
    peer: str
    factor: float


GOALS = (
    Goal(targets.SIMPUL.name, targets.STRAWBERRY.name, 17),
    Goal(targets.SIMPUL.name, targets.APOLLO.name, 4),
    Goal(targets.SIMPUL.name, targets.TAILCALL_BATCHING.name, 1.7),
    Goal(targets.SIMPUL.name, targets.MERCURIUS.name, 0.9),
    Goal(targets.SIMPUL.name, targets.HANDWRITTEN.name, 0.85),
    Goal(targets.SIMPUL_COALESCING.name, targets.STRAWBERRY.name, 100),
    Goal(targets.SIMPUL_COALESCING.name, targets.TAILCALL_DEDUPE.name, 1.2),
    Goal(targets.SIMPUL_COALESCING.name, targets.HANDWRITTEN_SHARED.name, 0.8),
)


def save_rows(rows: Sequence[Row], file: Path) -> None:
    """Write the rows as JSON."""
    file.write_bytes(orjson.dumps([asdict(row) for row in rows], option=orjson.OPT_INDENT_2) + b"\n")


def read_rows(file: Path) -> list[Row]:
    """Read the rows of a run."""
    return [Row(**each) for each in orjson.loads(file.read_bytes())]


def print_rows(rows: Sequence[Row], console: Console) -> None:
    """Print a table for each question and number of connections, the most efficient first."""
    for query, connections in dict.fromkeys((row.query, row.connections) for row in rows):
        table = Table(title=f"{query}, {connections} connections: requests", title_justify="left")
        table.add_column("target", no_wrap=True)
        for name in ("per CPU s", "per s", "p50 ms", "p99 ms", "MiB", "calls", "x Simpul"):
            table.add_column(name, justify="right", no_wrap=True)
        here = [row for row in rows if (row.query, row.connections) == (query, connections)]
        simpul = next((row.requests_per_cpu_second for row in here if row.target == targets.SIMPUL.name), 0.0)
        for row in sorted(here, key=lambda each: -each.requests_per_cpu_second):
            table.add_row(
                row.target + (f" ({row.failed_requests} failed!)" if row.failed_requests else ""),
                f"{row.requests_per_cpu_second:,.0f}",
                f"{row.requests_per_second:,.0f}",
                f"{row.p50_ms:.2f}",
                f"{row.p99_ms:.2f}",
                f"{row.peak_memory_mb:.0f}",
                f"{row.upstream_calls_per_request:.2f}",
                f"{row.requests_per_cpu_second / simpul:.2f}" if simpul else "",
            )
        console.print(table)


def print_goals(rows: Sequence[Row], console: Console) -> None:
    """Print Simpul's ratio to each peer, with its goal."""
    found = {
        row.target: row.requests_per_cpu_second
        for row in rows
        if row.is_at("Q3", COMPARED_CONNECTIONS) and not row.failed_requests
    }
    table = Table(
        title=f"Q3, {COMPARED_CONNECTIONS} connections: requests per CPU second, as ratios", title_justify="left"
    )
    for name in ("ratio", "measured", "goal", ""):
        table.add_column(name, justify="left" if name in {"ratio", ""} else "right", no_wrap=True)
    for goal in GOALS:
        if found.get(goal.simpul) and found.get(goal.peer):
            ratio = found[goal.simpul] / found[goal.peer]
            reached = "reached" if ratio >= goal.factor else "missed"
            table.add_row(f"{goal.simpul} / {goal.peer}", f"{ratio:.2f}", f"{goal.factor:g}", reached)
    if found.get(targets.SIMPUL.name) and found.get(targets.RAW.name):
        distance = found[targets.RAW.name] / found[targets.SIMPUL.name]
        table.add_row(f"{targets.RAW.name} / {targets.SIMPUL.name}", f"{distance:.2f}", "-", "the ceiling")
    console.print(table)
