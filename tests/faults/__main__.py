"""`make test-faults`: everything that can fail fails, one after the other, while callers ask."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Collection
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import aiohttp
from rich.console import Console

from tests.faults.cells import FaultResult, FaultRun, build_cells
from tests.faults.claims import find_broken_claims
from tests.faults.load import QuestionLoad
from tests.faults.questions import AGENCIES
from tests.faults.report import RunFacts, format_line, write_report
from tests.faults.truth import build_truth
from tests.faults.world import FaultWorld, run_world

CACHING: Final = "keeps answers"
NOT_CACHING: Final = "keeps none"
_HUBS: Final = {CACHING: {}, NOT_CACHING: {"SIMPUL_CACHE_MEGABYTES": "0"}}
_HIGHEST_RATE: Final = 30.0
"""Questions a second to each hub at most; on a machine that is slower or busy it is ..."""
_OF_CAPACITY: Final = 0.3
"""... this share of what it answers at its fastest: what fails is to be seen, not what is overloaded."""
_TRIALS: Final = 150
_SEED: Final = 20261101
_WARM_S: Final = 2.0


def main() -> int:
    """Run, write the table, say what does not hold; the exit code is 1 where something does not."""
    options = _arguments()
    console = Console(width=max(Console().width, 140), highlight=False)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="simpul-faults-") as folder, run_world(Path(folder), hubs=_HUBS) as running:
        console.print(f"Everything runs after {time.monotonic() - began:.0f} s.")
        results, rate = asyncio.run(_run(running, console, options))
    faults = find_broken_claims(results, asks_always=NOT_CACHING)
    for each in faults:
        console.print(f"Does not hold: {each.claim}: {each.seen}", style="red", markup=False)
    took = time.monotonic() - began
    if not options.quick and options.only is None:
        left_out = [each for each in AGENCIES if each not in running.relayed]
        write_report(results, faults, RunFacts(seconds=took, rate=rate, left_out=left_out))
    console.print(f"{len(results)} faults, {took:.0f} s: {'all claims hold' if not faults else 'see above'}.")
    return 1 if faults else 0


async def _run(running: FaultWorld, console: Console, options: argparse.Namespace) -> tuple[list[FaultResult], float]:
    known = build_truth()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session, AsyncExitStack() as stack:
        loads = {
            name: QuestionLoad(hub.url, session, known, running.token, seed=_SEED) for name, hub in running.hubs.items()
        }
        rate = await _measure_rate(loads.values())
        console.print(f"{rate:.1f} questions a second to each hub.")
        for load in loads.values():
            load.rate = rate
            await stack.enter_async_context(load.running())
        run = FaultRun(world=running, session=session, loads=loads)
        await asyncio.sleep(_WARM_S)
        lasts = 2.0 if options.quick else 4.0
        for cell in build_cells(running.relayed, quick=options.quick):
            if options.only is None or options.only in cell.name:
                console.print(format_line(await run.fail_agency(cell)))
        if options.only is None or options.only in "redis":
            console.print(format_line(await run.kill_valkey(lasts=lasts)))
            console.print(format_line(await run.freeze_valkey(lasts=lasts)))
        if options.only is None or options.only in "worker":
            console.print(format_line(await run.kill_worker(lasts=lasts)))
        if options.only is None or options.only in "postgresql":
            console.print(format_line(await run.kill_database(lasts=lasts)))
            console.print(format_line(await run.freeze_database(lasts=lasts)))
    return run.results, rate


async def _measure_rate(loads: Collection[QuestionLoad]) -> float:
    """How many questions a second each hub is asked, by what all of them together answer at their fastest."""
    began = 0.0
    for _ in range(2):  # once for plans, connections and what is kept
        began = time.monotonic()
        await asyncio.gather(*(load.ask_many(_TRIALS, concurrency=4) for load in loads))
    return min(_HIGHEST_RATE, _OF_CAPACITY * _TRIALS / (time.monotonic() - began))


def _arguments() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    arguments.add_argument(
        "--quick", action="store_true", help="some of the faults, within two minutes; writes nothing"
    )
    arguments.add_argument("--only", metavar="TEXT", help="only faults whose name holds this; writes nothing")
    return arguments.parse_args()


if __name__ == "__main__":
    sys.exit(main())
