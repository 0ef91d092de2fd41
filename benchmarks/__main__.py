"""`python -m benchmarks`: the same work on Simpul and its peers, on this machine, in one run."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from benchmarks import callers, chart, installing, results, rounds
from benchmarks.places import GATEWAY_CORE, HERE, LOAD_CORE, ROOT
from benchmarks.processes import NotStarted
from benchmarks.targets import TARGETS, Target
from benchmarks.upstream import Upstream

RESULTS = HERE / "results.json"
_COLUMNS = 120
PICTURE = ROOT / "docs" / "pictures" / "benchmarks.svg"


def main() -> int:
    """Install, start, check, measure, report; the exit code."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="Q3 and Q4 at 16 connections only")
    arguments.add_argument("--only", metavar="TEXT", help="only targets whose name holds this text, beside Simpul")
    given = arguments.parse_args()
    console = Console(width=max(Console().width, _COLUMNS), highlight=False)
    if not sys.platform.startswith("linux") or not {GATEWAY_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        console.print("The benchmarks need Linux and two cores: one for the gateway, one for upstream and load.")
        return 1
    reason = installing.debian("wrk", "wrk")
    if reason is not None:
        console.print(f"No benchmark without wrk: {reason}")
        return 1
    began = time.monotonic()
    installing.debian("nginx", "nginx-light")
    reason = installing.peers()
    if reason is not None:
        console.print(f"No peers from npm: {reason}")
    wanted = [each for each in TARGETS if not given.only or given.only in each.name or each.name == "Simpul"]
    with tempfile.TemporaryDirectory(prefix="simpul-benchmarks-") as folder:
        try:
            run = _measured(Path(folder), wanted, rounds.QUICK if given.quick else rounds.FULL, console)
        except NotStarted as problem:
            console.print(f"The upstream does not start: {problem}")
            return 1
    found, left_out = run
    results.show(found, console)
    results.show_goals(found, console)
    for name, why in left_out.items():
        console.print(f"Left out: {name}: {why}")
    if not given.only:
        results.save(found, RESULTS)
        chart.draw(found, PICTURE)
        console.print(f"Wrote {RESULTS.relative_to(ROOT)} and {PICTURE.relative_to(ROOT)}.")
    console.print(f"Took {time.monotonic() - began:.0f} s.")
    return 1 if any(row.failed_requests for row in found) else 0


def _measured(
    folder: Path, wanted: list[Target], effort: rounds.Effort, console: Console
) -> tuple[list[results.Row], dict[str, str]]:
    keys, signed_in = callers.issue(folder)
    upstream = Upstream(folder)
    run = rounds.Rounds(folder=folder, upstream=upstream, keys=keys, callers=signed_in)
    try:
        console.print(f"Upstream: {upstream.kind}. Starting and checking targets:")
        run.start(wanted)
        return run.measure(effort), run.left_out
    finally:
        run.stop()
        upstream.stop()


if __name__ == "__main__":
    sys.exit(main())
