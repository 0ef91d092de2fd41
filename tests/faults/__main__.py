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

from tests.faults.cells import Result, Run, every_cell
from tests.faults.claims import broken
from tests.faults.load import Load
from tests.faults.questions import AGENCIES
from tests.faults.report import Facts, line, write
from tests.faults.truth import truth
from tests.faults.world import World, world

KEEPING: Final = "keeps answers"
ASKING: Final = "keeps none"
_HUBS: Final = {KEEPING: {}, ASKING: {"SIMPUL_KEPT_MEGABYTES": "0"}}
_HIGHEST_RATE: Final = 30.0
"""Questions a second to each hub at most; on a machine that is slower or busy it is ..."""
_OF_CAPACITY: Final = 0.3
"""... this share of what it answers at its fastest: what fails is to be seen, not what is overloaded."""
_TRIED: Final = 150
_SEED: Final = 20261101
_WARM_S: Final = 2.0


def main() -> int:
    """Run, write the table, say what does not hold; the exit code is 1 where something does not."""
    given = _arguments()
    console = Console(width=max(Console().width, 140), highlight=False)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="simpul-faults-") as folder, world(Path(folder), hubs=_HUBS) as running:
        console.print(f"Everything runs after {time.monotonic() - began:.0f} s.")
        results, rate = asyncio.run(_run(running, console, given))
    faults = broken(results, asks_always=ASKING)
    for each in faults:
        console.print(f"Does not hold: {each.claim}: {each.seen}", style="red", markup=False)
    took = time.monotonic() - began
    if not given.quick and given.only is None:
        left_out = [each for each in AGENCIES if each not in running.relayed]
        write(results, faults, Facts(seconds=took, rate=rate, left_out=left_out))
    console.print(f"{len(results)} faults, {took:.0f} s: {'all claims hold' if not faults else 'see above'}.")
    return 1 if faults else 0


async def _run(running: World, console: Console, given: argparse.Namespace) -> tuple[list[Result], float]:
    known = truth()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session, AsyncExitStack() as stack:
        loads = {name: Load(hub.url, session, known, running.token, seed=_SEED) for name, hub in running.hubs.items()}
        rate = await _rate(loads.values())
        console.print(f"{rate:.1f} questions a second to each hub.")
        for load in loads.values():
            load.rate = rate
            await stack.enter_async_context(load.running())
        run = Run(world=running, session=session, loads=loads)
        await asyncio.sleep(_WARM_S)
        lasts = 2.0 if given.quick else 4.0
        for cell in every_cell(running.relayed, quick=given.quick):
            if given.only is None or given.only in cell.name:
                console.print(line(await run.agency_fails(cell)))
        if given.only is None or given.only in "redis":
            console.print(line(await run.valkey_dies(lasts=lasts)))
            console.print(line(await run.valkey_falls_silent(lasts=lasts)))
        if given.only is None or given.only in "worker":
            console.print(line(await run.worker_dies(lasts=lasts)))
        if given.only is None or given.only in "postgresql":
            console.print(line(await run.database_dies(lasts=lasts)))
            console.print(line(await run.database_falls_silent(lasts=lasts)))
    return run.results, rate


async def _rate(loads: Collection[Load]) -> float:
    """How many questions a second each hub is asked, by what all of them together answer at their fastest."""
    began = 0.0
    for _ in range(2):  # once for plans, connections and what is kept
        began = time.monotonic()
        await asyncio.gather(*(load.ask_many(_TRIED, at_once=4) for load in loads))
    return min(_HIGHEST_RATE, _OF_CAPACITY * _TRIED / (time.monotonic() - began))


def _arguments() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    arguments.add_argument(
        "--quick", action="store_true", help="some of the faults, within two minutes; writes nothing"
    )
    arguments.add_argument("--only", metavar="TEXT", help="only faults whose name holds this; writes nothing")
    return arguments.parse_args()


if __name__ == "__main__":
    sys.exit(main())
