"""Everything a fault run needs, started and ended as one: the city, relays before it, Valkey, PostgreSQL, hubs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from auth.caller import Assurance, Caller, CallerKind
from auth.tokens.development_issuer import DevelopmentIssuer
from cli.sandbox.hub_environment import AgencyEndpoint, build_hub_environment
from cli.sandbox.sample_callers import open_development_issuer
from records.identifiers import Nik
from sandbox.databases.postgres import Postgres
from sandbox.state_folder import StateFolder
from settings.city.folder import DEFAULT_CITY
from tests.cache.valkey import LocalValkey
from tests.fakes.city import write_city
from tests.faults.questions import AGENCIES
from tests.sandbox_agencies import HOST, ROOT, RunningAgency, free_port, run_agency

_READY_TIMEOUT_S: Final = 60
_END_TIMEOUT_S: Final = 20
STATE_RELAY: Final = "state"
"""The relay before the hub's own database."""
WORKERS: Final = 2
"""Processes of each hub."""
_PACE: Final = 500
"""Calls a second to the food prices: the sandbox's service takes any number if it answers immediately."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultHub:
    """A hub in separate processes."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.port}"

    @property
    def workers(self) -> list[int]:
        """Its processes that serve: of the supervisor, what its generation has forked."""
        return [worker for generation in list_children(self.process.pid) for worker in list_children(generation)]


@dataclass(slots=True, kw_only=True)
class FaultWorld:
    """What runs."""

    folder: Path
    agencies: Mapping[str, RunningAgency]
    relayed: tuple[str, ...]
    """The agencies that stand behind a relay."""
    valkey: LocalValkey
    postgres: Postgres
    hubs: Mapping[str, FaultHub]
    control_url: str
    """Address of the relays' control."""
    _issuer: DevelopmentIssuer
    _tokens: dict[str | None, str] = field(default_factory=dict)

    def token(self, nik: str | None) -> str:
        """Proof of a citizen; of an official who may read everything for None."""
        found = self._tokens.get(nik)
        if found is None:
            caller = (
                Caller(kind=CallerKind.OFFICIAL, agency="dinsos", purpose="SOCIAL_ASSISTANCE", case="BANSOS/1")
                if nik is None
                else Caller(kind=CallerKind.CITIZEN, first_party=True, nik=Nik(nik), assurance=Assurance.SUBSTANTIAL)
            )
            found = self._tokens[nik] = self._issuer.sign_token(caller, subject="somebody")
        return found

    async def inject_fault(self, session: aiohttp.ClientSession, agency: str, fault: Mapping[str, Any]) -> None:
        """Let something go wrong on the way to an agency."""
        async with session.put(f"{self.control_url}/faults/{agency}", json=fault) as response:
            if response.status != 200:
                raise ValueError(await response.text())

    async def clear_fault(self, session: aiohttp.ClientSession, agency: str) -> int:
        """End it; how many exchanges and connections went wrong since the relay began."""
        async with session.delete(f"{self.control_url}/faults/{agency}") as response:
            struck: int = (await response.json())["struck"]
            return struck

    def kill_postgres(self) -> None:
        """End the hub's database as a crash does: all of its processes together."""
        pid = self.postgres.pid
        assert pid is not None
        for each in [pid, *list_children(pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        self.postgres.stop()

    async def revive_postgres(self) -> None:
        """Start the hub's own database again, on this thread: it ends with the thread that launches it."""
        await asyncio.to_thread(self.postgres.prepare)
        self.postgres.launch()
        await asyncio.to_thread(self.postgres.wait)


@contextmanager
def run_world(folder: Path, *, hubs: Mapping[str, Mapping[str, str]]) -> Iterator[FaultWorld]:
    """Start everything; `hubs` has the settings of each hub beyond those of the city, by its name."""
    with ExitStack() as stack:
        agencies = {name: stack.enter_context(run_agency(name, folder / "city")) for name in AGENCIES}
        sockets = tuple(name for name in AGENCIES if agencies[name].health().get("engine") != "sqlite")
        valkey = LocalValkey(folder / "valkey")
        valkey.start()
        stack.callback(valkey.kill)
        postgres = Postgres(
            folder / "state", port=free_port(), database="simpul", logins={"simpul": "rahasia"}, settings={}
        )
        postgres.prepare()
        postgres.launch()
        stack.callback(postgres.stop)
        postgres.wait()
        targets = {name: agencies[name].port for name in sockets} | {STATE_RELAY: postgres.port}
        relays = {name: free_port() for name in targets}
        control = free_port()
        stack.enter_context(_run_relays(targets, relays, control))
        keys = StateFolder(folder / "keys")
        issuer = open_development_issuer(keys)
        environment = _environment(keys, agencies, relays, valkey) | {"SIMPUL_CITY": str(_write_fast_city(folder))}
        running = {
            name: stack.enter_context(_run_hub(name, folder, environment | dict(more))) for name, more in hubs.items()
        }
        yield FaultWorld(
            folder=folder,
            agencies=agencies,
            relayed=sockets,
            valkey=valkey,
            postgres=postgres,
            hubs=running,
            control_url=f"http://{HOST}:{control}",
            _issuer=issuer,
        )


def _write_fast_city(folder: Path) -> Path:
    """The city of the agencies that are asked, with a faster food price service."""
    terms = tomllib.loads((DEFAULT_CITY / "agencies" / "pangan.toml").read_text(encoding="utf-8"))["terms"]
    changes = {"pangan": {"terms": {**terms, "rate": _PACE, "burst": _PACE}}}
    city = write_city(folder / "manifests", changes=changes)
    for path in (city / "agencies").glob("*.toml"):
        if path.stem not in AGENCIES:
            path.unlink()
    return city


def _environment(
    keys: StateFolder,
    agencies: Mapping[str, RunningAgency],
    relays: Mapping[str, int],
    valkey: LocalValkey,
) -> dict[str, str]:
    """The settings of a hub in front of the proxies."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("SIMPUL_") and name != "PORT"}
    reaches = {
        name: AgencyEndpoint(
            port=relays.get(name, each.port),
            user=each.user,
            secret=each.secret,
            health={key: str(value) for key, value in each.health().items()},
        )
        for name, each in agencies.items()
    }
    state = f"postgresql://simpul:rahasia@{HOST}:{relays[STATE_RELAY]}/simpul"
    return (
        own
        | build_hub_environment(keys, reaches)
        | {
            "SIMPUL_STATE_URL": state,
            "SIMPUL_REDIS_URL": valkey.url,
            "SIMPUL_FAILED_TOKENS": "0",
            "SIMPUL_READER_BUDGETS": "official:off",
        }
    )


def list_children(pid: int) -> list[int]:
    """The processes that the first thread of a process has started, and that have not ended."""
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


@contextmanager
def _run_relays(targets: Mapping[str, int], relays: Mapping[str, int], control: int) -> Iterator[None]:
    command = [sys.executable, "-m", "sandbox.fault_control", "--control-port", str(control)]
    for name, port in relays.items():
        command += ["--relay", f"{name}={port}:{targets[name]}"]
    process = subprocess.Popen(command, cwd=ROOT)  # noqa: S603 - our own program
    try:
        _wait_until_answered(f"http://{HOST}:{control}/faults", process, lambda: "")
        yield
    finally:
        process.terminate()
        process.wait(_END_TIMEOUT_S)


@contextmanager
def _run_hub(name: str, folder: Path, environment: Mapping[str, str]) -> Iterator[FaultHub]:
    port, log = free_port(), folder / f"hub-{name}.log"
    command = [sys.executable, "-P", str(ROOT / "scripts" / "simpul.py"), "hub", "--workers", str(WORKERS)]
    with log.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603 - our own program
            command,
            env={**environment, "SIMPUL_LISTEN": f"127.0.0.1:{port}", "SIMPUL_STATE": str(folder / f"hub-{name}")},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    try:
        _wait_until_answered(f"http://{HOST}:{port}/health/live", process, lambda: log.read_text(errors="replace"))
        yield FaultHub(name=name, port=port, process=process, log=log)
    finally:
        process.terminate()
        try:
            process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_END_TIMEOUT_S)


def _wait_until_answered(url: str, process: subprocess.Popen[bytes], read_log: Callable[[], str]) -> None:
    until = time.monotonic() + _READY_TIMEOUT_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - loopback
                json.loads(answer.read())
                return
        except (OSError, ValueError):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{url} does not answer: {read_log()[-2000:]}") from None
            time.sleep(0.05)
