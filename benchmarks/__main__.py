"""`python -m benchmarks`: the same work on Simpul and its peers, on this machine, in one run."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import at_rest, cached_answers
from benchmarks.comparison import callers, peer_packages, rounds
from benchmarks.comparison.targets import COMPARED_WITH_WARM, TARGETS, Target
from benchmarks.comparison.upstream import Upstream
from benchmarks.layout import GATEWAY_CORE, HERE, LOAD_CORE, ROOT
from benchmarks.micro import in_process
from benchmarks.processes import ProgramNotStarted
from benchmarks.reports import chart, claims, goals, machine, results, run_report
from benchmarks.reports.run_report import RunReport
from sandbox.programs import find_program
from scripts import optional_programs

_COLUMNS = 130
_PICTURES = ROOT / "docs" / "pictures"


def main() -> int:
    """Install, start, check, measure, report; the exit code."""
    options = _arguments()
    console = Console(width=max(Console().width, _COLUMNS), highlight=False)
    if not sys.platform.startswith("linux") or not {GATEWAY_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        console.print("The benchmarks need Linux and two cores: one for the gateway, one for upstream and load.")
        return 1
    optional_programs.install(("wrk", "nginx"))
    if find_program("wrk") is None:
        console.print(f"No benchmark without wrk: {optional_programs.why_missing('wrk')}")
        return 1
    began = time.monotonic()
    reason = None if options.warm else peer_packages.install_peers()
    if reason is not None:
        console.print(f"No peers from npm: {reason}")
    wanted = [each for each in TARGETS if not options.only or options.only in each.name or each.name == "Simpul"]
    effort = rounds.TRIAL if options.trial else rounds.QUICK if options.quick else rounds.FULL
    if options.warm:
        wanted, effort = list(COMPARED_WITH_WARM), rounds.WARM_QUICK if options.quick else rounds.WARM
    found = RunReport(effort=effort.name, machine=machine.read_facts(), versions=machine.read_versions(wanted))
    output_folder = options.into or (None if options.only or options.trial or options.warm else HERE)

    def done(rows: Sequence[results.Row]) -> None:
        found.rows += rows
        if output_folder is not None:  # a stopped run keeps its results
            found.save(output_folder)

    with tempfile.TemporaryDirectory(prefix="simpul-benchmarks-") as folder:
        problem = _measure(Path(folder), wanted, effort, done, found.left_out)
    console.print(problem or "All questions are measured.")
    whole = problem is None
    if whole and not options.only:
        _measure_warm(found, console, [16] if options.quick else [16, 64], quick=options.quick or options.trial)
        done(())
    if whole and not options.only and not options.warm:
        quick = effort is not rounds.FULL
        found.in_process = {**in_process.measure(console, quick=quick), **_measure_rest(console, quick=quick)}
    _print_results(found, console)
    if output_folder is not None:
        found.save(output_folder)
        chart.draw_chart(
            found.rows,
            found.versions,
            _PICTURES / "benchmarks.svg" if output_folder is HERE else output_folder / "chart.svg",
        )
        console.print(f"Wrote {run_report.ROWS} and {run_report.RUN} to {output_folder}.")
    console.print(f"Took {time.monotonic() - began:.0f} s.")
    failed = any(row.failed_requests for row in found.rows) or found.in_process.get("exceeded")
    return 0 if whole and not failed else 1


def _arguments() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="Q3 and Q4 at 16 connections only")
    arguments.add_argument("--warm", action="store_true", help="cached answers only: Q3 and the README's query")
    arguments.add_argument(
        "--trial", action="store_true", help="a second of everything, to check that it works; figures are not kept"
    )
    arguments.add_argument("--only", metavar="TEXT", help="only Simpul and targets whose name contains this text")
    arguments.add_argument("--into", metavar="FOLDER", type=Path, help="write figures and chart there instead")
    return arguments.parse_args()


def _measure(
    folder: Path,
    wanted: list[Target],
    effort: rounds.Effort,
    done: Callable[[Sequence[results.Row]], None],
    left_out: dict[str, str],
) -> str | None:
    """Measure question by question. Returns None, or the reason for an early end."""
    keys, signed_in = callers.issue_tokens(folder)
    try:
        upstream = Upstream(folder, with_subgraphs=True)
    except ProgramNotStarted as problem:
        return f"The upstream did not start: {problem}"
    run = rounds.Rounds(folder=folder, upstream=upstream, keys=keys, callers=signed_in, left_out=left_out)
    try:
        rounds.print_progress(f"Upstream: {upstream.kind}. Starting and checking targets:")
        run.start(wanted)
        run.measure(effort, done)
    except (OSError, KeyboardInterrupt) as problem:
        return f"Stopped early: {str(problem) or 'interrupted'}. Earlier measurements are kept."
    finally:
        run.stop()
        upstream.stop()
    return None


def _measure_warm(found: RunReport, console: Console, connections: Sequence[int], *, quick: bool) -> None:
    """The README's query, warm and cold, in front of the sandbox city."""
    console.print("Starting the sandbox city for the query of the README:")
    try:
        found.rows += cached_answers.measure_warm(connections, quick=quick)
    except RuntimeError as reason:
        found.left_out[goals.README] = str(reason)


def _measure_rest(console: Console, *, quick: bool) -> Mapping[str, Any]:
    try:
        return {"at_rest": asdict(at_rest.measure(console, quick=quick))}
    except RuntimeError as reason:
        return {"at_rest": None, "no_rest": str(reason)}


def _print_results(found: RunReport, console: Console) -> None:
    results.print_rows(found.rows, console)
    goals.print_goals(found.rows, console)
    cached_answers.print_warm(found.rows, console)
    console.print("In requests per processor second:")
    for sentence in claims.build_claims(found.rows):
        console.print(f"  {sentence}")
    for name, why in found.left_out.items():
        console.print(f"Left out: {name}: {why}")


if __name__ == "__main__":
    sys.exit(main())
