"""The verdicts on the goals of a run."""

from dataclasses import replace
from io import StringIO

from rich.console import Console

from benchmarks.comparison import targets
from benchmarks.reports import goals
from benchmarks.reports.goals import Verdict
from tests.benchmarks.reports.rows import build_row

SIMPUL, SHARED, MERCURIUS = targets.SIMPUL.name, targets.SIMPUL_COALESCING.name, targets.MERCURIUS.name


def test_a_goal_is_judged_at_each_measured_number_of_connections() -> None:
    rows = [build_row(SIMPUL, 30, connections=count) for count in (1, 16, 64)]
    rows += [build_row(MERCURIUS, figure, connections=count) for count, figure in ((1, 20), (16, 40))]
    assert goals.judge_goals(rows) == [
        Verdict(goal=f"Q3: {SIMPUL} / {MERCURIUS}", connections=1, measured=1.5, wanted=1, is_reached=True),
        Verdict(goal=f"Q3: {SIMPUL} / {MERCURIUS}", connections=16, measured=0.75, wanted=1, is_reached=False),
    ]


def test_a_row_with_failed_requests_gives_no_verdict() -> None:
    assert goals.judge_goals([build_row(SIMPUL, 30), build_row(MERCURIUS, 20, failed=1)]) == []


def test_a_joined_run_costs_what_remains_without_the_runs() -> None:
    """Of 64 requests, 16 ran for 1,000 µs each: the others share the remaining 28,800 µs, which is 600 µs each."""
    shared = replace(build_row(SHARED, 64 / 44_800 * 1e6), upstream_calls_per_request=0.5)
    (verdict,) = goals.judge_goals([build_row(SIMPUL, 1_000), shared])
    assert (verdict.measured, verdict.wanted, verdict.is_reached) == (600.0, 45.0, False)


def test_every_number_of_connections_of_the_full_run_is_compared_with_mercurius_and_grafbase() -> None:
    compared = {(goal.query, goal.simpul, goal.peer): tuple(goal.connections) for goal in goals.GOALS}
    for peer in (targets.MERCURIUS, targets.GRAFBASE_FEDERATED):
        assert compared["Q3", SIMPUL, peer.name] == (1, 16, 64, 256)
    assert compared["Q4", SHARED, MERCURIUS] == (1, 16, 64, 256)
    assert compared["Q4", targets.SIMPUL_VERIFYING.name, MERCURIUS] == (1, 16, 64, 256)
    assert compared["Q3", SHARED, targets.TAILCALL_DEDUPE.name] == (16, 64, 256)


def test_the_table_says_how_many_goals_are_reached() -> None:
    text = StringIO()
    rows = [build_row(SIMPUL, 30), build_row(MERCURIUS, 20), build_row(targets.GRAFBASE_FEDERATED.name, 40)]
    goals.print_goals(rows, Console(file=text, width=1_000))
    assert "Goals: 1 of 2 reached." in text.getvalue()
    assert [each for each in text.getvalue().split() if each in {"reached", "missed"}] == ["reached", "missed"]
