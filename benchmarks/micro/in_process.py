"""`python -m benchmarks.micro.in_process`: the cost of one answer without a web server or load, and its growth."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import uvloop
from rich.console import Console

from benchmarks.layout import GATEWAY_CORE, run_on_core
from benchmarks.micro import budget, growth, hub_time, new_documents, q3_variants
from web.server.uvicorn_config import freeze_startup_objects

_COLUMNS = 130


def measure(console: Console, *, quick: bool) -> Mapping[str, Any]:
    """Measure and print everything; returns the figures, for `run.json`."""
    with run_on_core(GATEWAY_CORE):
        found: Mapping[str, Any] = uvloop.run(_measure_all(console, quick=quick))
    return found


async def _measure_all(console: Console, *, quick: bool) -> Mapping[str, Any]:
    freeze_startup_objects()  # as the hub does before it serves
    within = 0.4 if quick else 2.0
    variants = await q3_variants.measure_variants(within)
    q3_variants.print_variants(variants, console)
    points = await growth.measure_curves(quick=quick, within=within)
    growth.print_curves(points, console)
    never_seen = await new_documents.measure_documents(60 if quick else 300)
    new_documents.print_results(never_seen, console)
    stages, exceeded = await budget.measure_budget(console, quick=quick)
    budget.print_exceeded(exceeded, console)
    found: dict[str, Any] = {
        "budget": {name: asdict(each) for name, each in stages.items()},
        "exceeded": exceeded,
        "ways": {name: round(taken, 1) for name, taken in variants.items()},
        "growth": [asdict(point) for point in points],
        "exponents": [asdict(each) | {"linear": each.is_linear} for each in growth.fit_exponents(points)],
        "unseen": [asdict(each) for each in never_seen],
    }
    try:
        own = await hub_time.measure_hub_time(50 if quick else 300)
    except RuntimeError as reason:
        console.print(f"Left out: the hub's own time: {reason}")
        return found | {"hub_time": None, "no_hub_time": str(reason)}
    hub_time.print_hub_time(own, console)
    return found | {"hub_time": asdict(own)}


def main() -> int:
    """Report. Returns 1 if a stage exceeds its budget."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.micro.in_process", description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="shorter series, and no 100,000 objects")
    options = arguments.parse_args()
    found = measure(Console(width=max(Console().width, _COLUMNS), highlight=False), quick=options.quick)
    return 1 if found["exceeded"] else 0


if __name__ == "__main__":
    sys.exit(main())
