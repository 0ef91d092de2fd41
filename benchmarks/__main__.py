"""`python -m benchmarks`: the same work on Simpul and its peers, on this machine, in one run."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from benchmarks import ahead, callers, chart, in_process, installing, machine, report, results, rounds, warm
from benchmarks.places import GATEWAY_CORE, HERE, LOAD_CORE, ROOT
from benchmarks.processes import NotStarted
from benchmarks.report import Report
from benchmarks.targets import BESIDE_WARM, TARGETS, Target
from benchmarks.upstream import Upstream
from sandbox.programs import find_program
from scripts import optional_programs

_COLUMNS = 130
_PICTURES = ROOT / "docs" / "pictures"


def main() -> int:
    """Install, start, check, measure, report; the exit code."""
    given = _arguments()
    console = Console(width=max(Console().width, _COLUMNS), highlight=False)
    if not sys.platform.startswith("linux") or not {GATEWAY_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        console.print("The benchmarks need Linux and two cores: one for the gateway, one for upstream and load.")
        return 1
    optional_programs.install(("wrk", "nginx"))
    if find_program("wrk") is None:
        console.print(f"No benchmark without wrk: {optional_programs.why_missing('wrk')}")
        return 1
    began = time.monotonic()
    reason = None if given.warm else installing.peers()
    if reason is not None:
        console.print(f"No peers from npm: {reason}")
    wanted = [each for each in TARGETS if not given.only or given.only in each.name or each.name == "Simpul"]
    effort = rounds.TRIAL if given.trial else rounds.QUICK if given.quick else rounds.FULL
    if given.warm:
        wanted, effort = list(BESIDE_WARM), rounds.WARM_QUICK if given.quick else rounds.WARM
    found = Report(effort=effort.name, machine=machine.facts(), versions=machine.versions(wanted))
    keeps = given.into or (None if given.only or given.trial or given.warm else HERE)

    def done(rows: Sequence[results.Row]) -> None:
        found.rows += rows
        if keeps is not None:  # a run that is stopped leaves what it has
            found.save(keeps)

    with tempfile.TemporaryDirectory(prefix="simpul-benchmarks-") as folder:
        problem = _measured(Path(folder), wanted, effort, done, found.left_out)
    console.print(problem or "Everything was asked.")
    whole = problem is None
    if whole and not given.only:
        _measure_warm(found, console, [16] if given.quick else [16, 64], quick=given.quick or given.trial)
        done(())
    if whole and not given.only and not given.warm:
        found.in_process = in_process.measure(console, quick=effort is not rounds.FULL)
    _tell(found, console)
    if keeps is not None:
        found.save(keeps)
        chart.draw(found.rows, found.versions, _PICTURES / "benchmarks.svg" if keeps is HERE else keeps / "chart.svg")
        console.print(f"Wrote {report.ROWS} and {report.RUN} to {keeps}.")
    console.print(f"Took {time.monotonic() - began:.0f} s.")
    return 0 if whole and not any(row.failed_requests for row in found.rows) else 1


def _arguments() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="Q3 and Q4 at 16 connections only")
    arguments.add_argument("--warm", action="store_true", help="kept answers only: Q3 and the README's query")
    arguments.add_argument(
        "--trial", action="store_true", help="a second of everything, to see that it works; figures are not kept"
    )
    arguments.add_argument("--only", metavar="TEXT", help="only targets whose name holds this text, beside Simpul")
    arguments.add_argument("--into", metavar="FOLDER", type=Path, help="keep figures and chart there instead")
    return arguments.parse_args()


def _measured(
    folder: Path,
    wanted: list[Target],
    effort: rounds.Effort,
    done: Callable[[Sequence[results.Row]], None],
    left_out: dict[str, str],
) -> str | None:
    """Measure question by question; returns None, or why it ended before the last."""
    keys, signed_in = callers.issue(folder)
    try:
        upstream = Upstream(folder)
    except NotStarted as problem:
        return f"The upstream does not start: {problem}"
    run = rounds.Rounds(folder=folder, upstream=upstream, keys=keys, callers=signed_in, left_out=left_out)
    try:
        rounds.say(f"Upstream: {upstream.kind}. Starting and checking targets:")
        run.start(wanted)
        run.measure(effort, done)
    except (OSError, KeyboardInterrupt) as problem:
        return f"Stopped in the midst: {str(problem) or 'interrupted'}. What was measured before is kept."
    finally:
        run.stop()
        upstream.stop()
    return None


def _measure_warm(found: Report, console: Console, connections: Sequence[int], *, quick: bool) -> None:
    """The README's query, warm and cold, where the sandbox city runs."""
    console.print("Starting the sandbox city for the query of the README:")
    try:
        found.rows += warm.measure(connections, quick=quick)
    except RuntimeError as reason:
        found.left_out[warm.README] = str(reason)


def _tell(found: Report, console: Console) -> None:
    results.show(found.rows, console)
    results.show_goals(found.rows, console)
    warm.show(found.rows, console)
    console.print("In requests per processor second:")
    for sentence in ahead.sentences(found.rows):
        console.print(f"  {sentence}")
    for name, why in found.left_out.items():
        console.print(f"Left out: {name}: {why}")


if __name__ == "__main__":
    sys.exit(main())
