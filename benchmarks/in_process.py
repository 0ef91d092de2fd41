"""`python -m benchmarks.in_process`: what one answer costs without any web server or load, and how it grows."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import uvloop
from rich.console import Console

from benchmarks import four_ways, growth, hub_time, unseen
from benchmarks.places import GATEWAY_CORE, on_core
from web.serving import settle_memory

_COLUMNS = 130


def measure(console: Console, *, quick: bool) -> Mapping[str, Any]:
    """Measure and print everything; returns the figures, for `run.json`."""
    with on_core(GATEWAY_CORE):
        found: Mapping[str, Any] = uvloop.run(_measured(console, quick=quick))
    return found


async def _measured(console: Console, *, quick: bool) -> Mapping[str, Any]:
    settle_memory()  # as the hub does when it is ready to serve
    within = 0.4 if quick else 2.0
    ways = await four_ways.ways(within)
    four_ways.show(ways, console)
    points = await growth.curves(quick=quick, within=within)
    growth.show(points, console)
    never_seen = await unseen.documents(60 if quick else 300)
    unseen.show(never_seen, console)
    found: dict[str, Any] = {
        "ways": {name: round(taken, 1) for name, taken in ways.items()},
        "growth": [asdict(point) for point in points],
        "exponents": [asdict(each) | {"linear": each.linear} for each in growth.exponents(points)],
        "unseen": [asdict(each) for each in never_seen],
    }
    try:
        own = await hub_time.hub_time(50 if quick else 300)
    except RuntimeError as reason:
        console.print(f"Left out: the hub's own time: {reason}")
        return found | {"hub_time": None, "no_hub_time": str(reason)}
    hub_time.show(own, console)
    return found | {"hub_time": asdict(own)}


def main() -> int:
    """Report; the exit code."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.in_process", description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="shorter series, and no 100,000 objects")
    given = arguments.parse_args()
    measure(Console(width=max(Console().width, _COLUMNS), highlight=False), quick=given.quick)
    return 0


if __name__ == "__main__":
    sys.exit(main())
