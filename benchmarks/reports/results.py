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
    upstream_share: float
    """Processor time of the upstream by that of the gateway. Below 1, the upstream is quicker than the gateway."""
    failed_requests: int
    """Over all rounds; any failure invalidates the row."""

    def is_at(self, query: str, connections: int) -> bool:
        """Whether it belongs to this question and number."""
        return (self.query, self.connections) == (query, connections)


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
        for name in ("per CPU s", "per s", "p50 ms", "p99 ms", "MiB", "calls", "upstream", "x Simpul"):
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
                f"{row.upstream_share:.2f}",
                f"{row.requests_per_cpu_second / simpul:.2f}" if simpul else "",
            )
        console.print(table)
