"""The budget of one request: what exceeds it fails, after a second measurement."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.micro import budget
from benchmarks.micro.budget import Budget
from benchmarks.micro.calibration import StageTime, measure_stage, run_calibration_loop
from benchmarks.micro.request_stages import Stages


def build_stages(**units: float) -> Stages:
    return {name: StageTime(units=each, microseconds=50 * each) for name, each in units.items()}


@pytest.fixture
def console() -> Console:
    return Console(file=StringIO(), width=1_000)


def set_measurements(monkeypatch: pytest.MonkeyPatch, *series: Stages) -> list[float]:
    """Each measurement gives the next of the series; returns the seconds that each was given."""
    given: list[float] = []
    turns = iter(series)

    async def measure(within: float) -> Stages:
        given.append(within)
        return next(turns)

    monkeypatch.setattr(budget, "_GROUPS", (measure,))
    python = budget.get_python()
    monkeypatch.setattr(budget, "read_budget", lambda: Budget(python=python, units={"a": 10.0, "b": 10.0}))
    return given


def test_a_stage_may_exceed_its_budget_by_a_fifth() -> None:
    kept = Budget(python="3.13", units={"a": 10.0, "b": 10.0})
    assert kept.list_exceeded(build_stages(a=12.0, b=12.1, c=99.0)) == ["b"]


async def test_a_stage_within_its_budget_is_measured_once(monkeypatch: pytest.MonkeyPatch, console: Console) -> None:
    stages = build_stages(a=11.0, b=9.0)
    given = set_measurements(monkeypatch, stages)
    assert await budget.measure_budget(console, quick=True) == (stages, [])
    assert given == [0.3]


async def test_a_stage_that_exceeds_its_budget_is_measured_again_and_the_best_counts(
    monkeypatch: pytest.MonkeyPatch, console: Console
) -> None:
    again = [build_stages(a=11.0, b=15.0), build_stages(a=14.0, b=13.0), build_stages(a=15.0, b=14.0)]
    given = set_measurements(monkeypatch, build_stages(a=13.0, b=14.0), *again)
    assert await budget.measure_budget(console, quick=False) == (build_stages(a=11.0, b=13.0), ["b"])
    assert given == [0.6] * 4


async def test_a_stage_is_not_measured_again_once_it_was_within_its_budget(
    monkeypatch: pytest.MonkeyPatch, console: Console
) -> None:
    given = set_measurements(monkeypatch, build_stages(a=13.0), build_stages(a=11.0))
    assert await budget.measure_budget(console, quick=True) == (build_stages(a=11.0), [])
    assert given == [0.3, 0.3]


async def test_another_version_of_python_is_not_judged(monkeypatch: pytest.MonkeyPatch, console: Console) -> None:
    set_measurements(monkeypatch, *[build_stages(a=13.0)] * 4)
    monkeypatch.setattr(budget, "read_budget", lambda: Budget(python="2.7", units={"a": 10.0}))
    assert (await budget.measure_budget(console, quick=True))[1] == []


async def test_stages_that_cannot_be_measured_are_left_out_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, console: Console
) -> None:
    async def measure(_within: float) -> Stages:
        raise RuntimeError("the sandbox city does not run here")

    monkeypatch.setattr(budget, "_GROUPS", (measure,))
    assert await budget.measure_budget(console, quick=True) == ({}, [])
    assert isinstance(console.file, StringIO)
    assert "Left out: stages of a request: the sandbox city does not run here" in console.file.getvalue()


def test_goals_of_stages_are_reached_or_missed(console: Console) -> None:
    measured = {
        "citizen.four.cold": StageTime(units=40.0, microseconds=2_000.4),
        "citizen.four.warm": StageTime(units=8.0, microseconds=400.0),
    }
    budget.print_budget(measured, Budget(python="3.13", units={}), console)
    assert isinstance(console.file, StringIO)
    assert console.file.getvalue().splitlines()[-2:] == [
        "citizen.four.cold: 2,000 µs (goal 2,000): missed.",
        "citizen.four.warm: 400 µs (goal 400): reached.",
    ]


def test_a_written_budget_is_read_back(tmp_path: Path) -> None:
    budget.write_budget(build_stages(a=1.5, b=2.25), tmp_path / "budget.toml")
    assert budget.read_budget(tmp_path / "budget.toml") == Budget(
        python=budget.get_python(), units={"a": 1.5, "b": 2.25}
    )


def test_the_kept_budget_covers_each_question() -> None:
    kept = set(budget.read_budget().units)
    assert {"q3.engine", "q3.agencies", "q3.request", "q3.joined", "q3.warm"} <= kept
    assert {"q4.token", "q4.agencies", "q4.request", "q4.verified"} <= kept
    assert {"citizen.cold", "citizen.warm", "citizen.agency.population", "citizen.agency.tax"} <= kept


def test_the_calibration_loop_is_the_one_that_the_budget_was_measured_with() -> None:
    assert {run_calibration_loop() for _ in range(3)} == {17_099}


async def test_a_stage_is_measured_in_several_slices() -> None:
    runs = 0

    async def run() -> None:
        nonlocal runs
        runs += 1

    found = await measure_stage(run, within=0.0)
    assert runs > 3 + 1 + 3
    assert found.units >= 0
