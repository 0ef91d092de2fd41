"""The goals of a run, in requests per processor second, and whether they are reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from benchmarks.comparison import targets
from benchmarks.comparison.questions import Q3, Q4
from benchmarks.reports.results import COMPARED_CONNECTIONS, Row

_ALL = (1, 16, 64, 256)
_SHARED = (16, 64, 256)
"""One connection alone shares nothing."""
_WARM_SHARE = 0.4
README = "README"
"""The name of the README's query in the rows."""
JOINED_GOAL_US = 45.0
"""Processor time of a request that waits for the equal run of another one, in microseconds."""


@dataclass(frozen=True, slots=True)
class Goal:
    """The goal for Simpul's ratio to another target."""

    query: str
    simpul: str
    peer: str
    factor: float
    connections: Sequence[int] = (COMPARED_CONNECTIONS,)


GOALS = (
    Goal(Q3.name, targets.SIMPUL.name, targets.MERCURIUS.name, 1, _ALL),
    Goal(Q3.name, targets.SIMPUL.name, targets.GRAFBASE_FEDERATED.name, 1, _ALL),
    Goal(Q3.name, targets.SIMPUL_COALESCING.name, targets.TAILCALL_DEDUPE.name, 1, _SHARED),
    Goal(Q3.name, targets.SIMPUL_WARM.name, targets.RAW.name, _WARM_SHARE, _SHARED),
    Goal(Q3.name, targets.SIMPUL_WARM_COALESCING.name, targets.RAW.name, _WARM_SHARE, _SHARED),
    Goal(README, targets.SIMPUL_WARM_COALESCING.name, targets.RAW.name, _WARM_SHARE, (16, 64)),
    Goal(Q4.name, targets.SIMPUL_COALESCING.name, targets.MERCURIUS.name, 1, _ALL),
    Goal(Q4.name, targets.SIMPUL_VERIFYING.name, targets.MERCURIUS.name, 0.8, _ALL),
    Goal(Q3.name, targets.SIMPUL.name, targets.STRAWBERRY.name, 17),
    Goal(Q3.name, targets.SIMPUL.name, targets.APOLLO.name, 4),
    Goal(Q3.name, targets.SIMPUL.name, targets.TAILCALL_BATCHING.name, 1.7),
    Goal(Q3.name, targets.SIMPUL.name, targets.HANDWRITTEN.name, 0.85),
    Goal(Q3.name, targets.SIMPUL_COALESCING.name, targets.STRAWBERRY.name, 100),
    Goal(Q3.name, targets.SIMPUL_COALESCING.name, targets.HANDWRITTEN_SHARED.name, 0.8),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether one goal is reached at one number of connections."""

    goal: str
    connections: int
    measured: float
    wanted: float
    is_reached: bool


def judge_goals(rows: Sequence[Row]) -> list[Verdict]:
    """The verdicts for all goals whose rows exist and have no failed requests."""
    found = {(row.query, row.connections, row.target): row for row in rows if not row.failed_requests}
    ratios = [
        Verdict(
            goal=f"{goal.query}: {goal.simpul} / {goal.peer}",
            connections=count,
            measured=round(ratio, 3),
            wanted=goal.factor,
            is_reached=ratio >= goal.factor,
        )
        for goal in GOALS
        for count in goal.connections
        if (ratio := _compute_ratio(found, goal, count)) is not None
    ]
    return [*ratios, *_judge_joined_runs(found)]


def _compute_ratio(found: Mapping[tuple[str, int, str], Row], goal: Goal, connections: int) -> float | None:
    own = found.get((goal.query, connections, goal.simpul))
    peer = found.get((goal.query, connections, goal.peer))
    if own is None or peer is None or not peer.requests_per_cpu_second:
        return None
    return own.requests_per_cpu_second / peer.requests_per_cpu_second


def _judge_joined_runs(found: Mapping[tuple[str, int, str], Row]) -> Iterator[Verdict]:
    """The processor time of a joined run: the rest after the runs, which cost as much as without sharing."""
    for count in _SHARED:
        shared = found.get((Q3.name, count, targets.SIMPUL_COALESCING.name))
        own = found.get((Q3.name, count, targets.SIMPUL.name))
        if shared is None or own is None:
            continue
        runs = shared.upstream_calls_per_request / Q3.upstream_calls
        if runs >= 1 or not shared.requests_per_cpu_second or not own.requests_per_cpu_second:
            continue
        joined = (1e6 / shared.requests_per_cpu_second - runs * 1e6 / own.requests_per_cpu_second) / (1 - runs)
        yield Verdict(
            goal="Q3: a joined run, in µs of processor time",
            connections=count,
            measured=round(joined, 1),
            wanted=JOINED_GOAL_US,
            is_reached=joined <= JOINED_GOAL_US,
        )


def print_goals(rows: Sequence[Row], console: Console) -> None:
    """Print a line for each goal and number of connections."""
    table = Table(title="Goals: ratios of requests per processor second", title_justify="left")
    for name in ("goal", "connections", "measured", "wanted", ""):
        table.add_column(name, justify="left" if name in {"goal", ""} else "right", no_wrap=True)
    verdicts = judge_goals(rows)
    for each in verdicts:
        most = "at most " if each.wanted == JOINED_GOAL_US else ""
        reached = "reached" if each.is_reached else "missed"
        table.add_row(each.goal, str(each.connections), f"{each.measured:.2f}", f"{most}{each.wanted:g}", reached)
    console.print(table)
    console.print(f"Goals: {sum(each.is_reached for each in verdicts)} of {len(verdicts)} reached.")
