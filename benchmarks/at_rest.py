"""`python -m benchmarks.at_rest`: the cost of one worker with the whole city, without requests."""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import uvloop
from rich.console import Console

import server
from benchmarks.layout import GATEWAY_CORE, HOST, ROOT, free_port
from benchmarks.processes import Program, ProgramNotStarted
from benchmarks.running_city import run_city
from cli.hub_settings import load_hub_settings
from cli.sandbox.sample_callers import open_development_issuer
from sandbox.state_folder import StateFolder
from store.database import create_database_engine, migrate
from web.server.http_server import HttpServer
from web.server.uvicorn_config import build_uvicorn_config, freeze_startup_objects

GOAL_CPU_MS = 60.0
"""Milliseconds of processor time a minute."""
GOAL_MIB = 200.0
"""MiB of resident memory."""
_SETTLED_S = 75.0
"""Seconds after the start until the copies of all agencies are loaded, and the first daily purge is over. It comes
after a minute, and takes as long as a minute at rest."""
_MEASURED_S = 120.0
_QUICK_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RestCost:
    """The cost of one worker at rest: processor time with, and memory without, its processes that load snapshots."""

    cpu_ms_a_minute: float
    resident_mib: float

    @property
    def is_reached(self) -> bool:
        """Whether both goals are reached."""
        return self.cpu_ms_a_minute <= GOAL_CPU_MS and self.resident_mib <= GOAL_MIB


def measure(console: Console, *, quick: bool) -> RestCost:
    """Measure and print. Raises `RuntimeError` if the city or the hub does not run here."""
    try:
        found = asyncio.run(_measure(_QUICK_S if quick else _MEASURED_S))
    except ProgramNotStarted as problem:
        raise RuntimeError(f"the hub did not start: {problem}") from problem
    console.print(
        f"One worker with the whole city at rest: {found.cpu_ms_a_minute:.0f} ms of processor time a minute"
        f" (goal {GOAL_CPU_MS:.0f}), {found.resident_mib:.0f} MiB (goal {GOAL_MIB:.0f}):"
        f" {'reached' if found.is_reached else 'missed'}."
    )
    return found


async def _measure(seconds: float) -> RestCost:
    async with run_city() as (folder, stack):
        port = free_port()
        await _migrate(folder)
        hub = Program(
            [sys.executable, "-P", "-m", "benchmarks.at_rest", "--serve", str(port), str(folder.path)],
            core=GATEWAY_CORE,
            log=folder.path / "at_rest.log",
            folder=ROOT,
            environment={"PYTHONPATH": str(ROOT)},
        )
        stack.callback(hub.stop)
        await asyncio.to_thread(hub.wait_for, port)
        await asyncio.sleep(_SETTLED_S)
        used, began = hub.cpu_seconds(), time.monotonic()
        await asyncio.sleep(seconds)
        used, taken = hub.cpu_seconds() - used, time.monotonic() - began
        return RestCost(cpu_ms_a_minute=round(used / taken * 60_000, 1), resident_mib=round(hub.own_memory_mb(), 1))


async def _migrate(folder: StateFolder) -> None:
    """Migrate the hub's database: a worker seldom has to, and Alembic would stay in its memory."""
    open_development_issuer(folder)
    settings = await asyncio.to_thread(load_hub_settings, folder)
    engine = create_database_engine(settings.state_url.get_secret_value())
    try:
        await migrate(engine)
    finally:
        await engine.dispose()


async def _serve(port: int, folder: Path) -> None:
    """Serve as a worker does."""
    settings = await asyncio.to_thread(load_hub_settings, StateFolder(folder), port=port)
    config = build_uvicorn_config(server.create_app(settings), HOST, port, settings.web)
    with socket.create_server((HOST, port)) as listener:
        await HttpServer(config, freeze_startup_objects).serve([listener])


def main() -> int:
    """Report, or serve the hub that is measured. Returns 1 if a goal is missed."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.at_rest", description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="half a minute instead of two")
    arguments.add_argument("--serve", nargs=2, metavar=("PORT", "FOLDER"), help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.serve:
        uvloop.run(_serve(int(options.serve[0]), Path(options.serve[1])))
        return 0
    return 0 if measure(Console(highlight=False), quick=options.quick).is_reached else 1


if __name__ == "__main__":
    sys.exit(main())
