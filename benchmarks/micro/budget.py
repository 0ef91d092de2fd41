"""`python -m benchmarks.micro.budget`: the processor time of one request, stage by stage, and its budget.

`budget.toml` holds the budget in units of the calibration loop (`calibration.py`). A stage fails if it exceeds its
budget by more than a fifth, each of several times. With `--write`, the measured times become the budget.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tomllib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tomli_w
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.layout import GATEWAY_CORE, HERE, run_on_core
from benchmarks.micro import city_stages, request_stages
from benchmarks.micro.calibration import StageTime
from benchmarks.micro.request_stages import Stages
from benchmarks.reports import machine
from web.server.uvicorn_config import freeze_startup_objects

FILE = HERE / "budget.toml"
ALLOWED = 1.2
"""A stage may take this many times its budget."""
GOALS: Mapping[str, float] = {"citizen.four.cold": 2_000, "citizen.four.warm": 400}
"""Goals in microseconds; a missed one fails nothing."""
_ATTEMPTS = 4
"""Measurements before a stage counts as exceeded: neighbours of a virtual machine add time, for a minute or two."""
_WITHIN_S = 0.6
"""Seconds of processor time for a stage."""
_GROUPS = (request_stages.measure_request_stages, city_stages.measure_city_stages)
_COLUMNS = 130
_HEAD = """\
# The processor time of one request, stage by stage. Written by: python -m benchmarks.micro.budget --write
# `units` is the budget: the time divided by that of the calibration loop in the same run.
# `microseconds` are those of the machine that is named.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The budget of all stages."""

    python: str
    """Versions of Python differ in speed, so the budget counts for one: `3.13`."""
    units: Mapping[str, float]

    def list_exceeded(self, measured: Stages) -> list[str]:
        """The stages that exceed the budget by more than a fifth."""
        return [
            name for name, found in measured.items() if name in self.units and found.units > ALLOWED * self.units[name]
        ]


def get_python() -> str:
    """The running version of Python, without the patch level."""
    return ".".join(platform.python_version_tuple()[:2])


def read_budget(file: Path = FILE) -> Budget:
    """Read the budget."""
    document = tomllib.loads(file.read_text())
    return Budget(python=document["python"], units={name: each["units"] for name, each in document["stages"].items()})


def write_budget(measured: Stages, file: Path = FILE) -> None:
    """Make the measured times the budget."""
    document: dict[str, Any] = {
        "measured_on": datetime.now(UTC).date(),
        "python": get_python(),
        "processor": machine.read_facts()["processor"],
        "stages": {
            name: {"units": round(each.units, 4), "microseconds": round(each.microseconds, 1)}
            for name, each in measured.items()
        },
    }
    file.write_text(_HEAD + tomli_w.dumps(document))


async def measure_budget(console: Console, *, quick: bool) -> tuple[Stages, list[str]]:
    """Measure and print all stages. Returns them, and those that exceed the budget."""
    within = _WITHIN_S / 2 if quick else _WITHIN_S
    budget = read_budget()
    measured: Stages = {}
    for measure in _GROUPS:
        found = await _measure_group(measure, within, console)
        for _ in range(_ATTEMPTS - 1):
            if not budget.list_exceeded(found):
                break
            again = await _measure_group(measure, within, console)
            found = {name: min(each, again.get(name, each), key=_get_units) for name, each in found.items()}
        measured |= found
    print_budget(measured, budget, console)
    if budget.python != get_python():
        console.print(f"The budget counts for Python {budget.python}, this is {get_python()}: not judged.")
        return measured, []
    return measured, budget.list_exceeded(measured)


async def _measure_group(measure: Callable[[float], Awaitable[Stages]], within: float, console: Console) -> Stages:
    try:
        return await measure(within)
    except RuntimeError as reason:
        console.print(f"Left out: stages of a request: {reason}")
        return {}


def _get_units(each: StageTime) -> float:
    return each.units


def print_budget(measured: Stages, budget: Budget, console: Console) -> None:
    """Print a line for each stage, and which goals are reached."""
    table = Table(title="Processor time of one request, and its budget", title_justify="left")
    for name in ("stage", "µs", "units", "budget", ""):
        table.add_column(name, justify="left" if name in {"stage", ""} else "right", no_wrap=True)
    exceeded = budget.list_exceeded(measured)
    for name, each in measured.items():
        wanted = budget.units.get(name)
        verdict = "no budget" if wanted is None else "exceeded" if name in exceeded else "within"
        shown = "-" if wanted is None else f"{wanted:.3f}"
        table.add_row(name, f"{each.microseconds:,.0f}", f"{each.units:.3f}", shown, verdict)
    console.print(table)
    for name, goal in GOALS.items():
        if (found := measured.get(name)) is not None:
            reached = "reached" if found.microseconds <= goal else "missed"
            console.print(f"{name}: {found.microseconds:,.0f} µs (goal {goal:,.0f}): {reached}.")


def print_exceeded(exceeded: Sequence[str], console: Console) -> None:
    """Name the stages that exceed the budget."""
    for name in exceeded:
        console.print(
            f"{name} exceeds its budget by more than a fifth. Make it quicker, or write a new budget: --write."
        )


async def _run(console: Console, *, quick: bool, write: bool) -> list[str]:
    freeze_startup_objects()  # as the hub does before it serves
    if write:
        measured: Stages = {}
        for measure in _GROUPS:
            measured |= await _measure_group(measure, 2 * _WITHIN_S, console)
        write_budget(measured)
        print_budget(measured, read_budget(), console)
        return []
    return (await measure_budget(console, quick=quick))[1]


def main() -> int:
    """Measure and judge; the exit code."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.micro.budget", description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="shorter series")
    arguments.add_argument("--write", action="store_true", help="make the measured times the budget")
    options = arguments.parse_args()
    console = Console(width=max(Console().width, _COLUMNS), highlight=False)
    with run_on_core(GATEWAY_CORE):
        exceeded: list[str] = uvloop.run(_run(console, quick=options.quick, write=options.write))
    print_exceeded(exceeded, console)
    return 1 if exceeded else 0


if __name__ == "__main__":
    sys.exit(main())
