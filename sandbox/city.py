"""The sandbox city: runs each agency in its own process; starts, watches and stops them together."""

from __future__ import annotations

import asyncio
import contextlib
import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Self

from sandbox.agency import ISSUER, PARTS
from sandbox.clock import DATA_DAY
from sandbox.processes.agency_process import AgencyProcess, AgencyProcessError
from sandbox.processes.forked_process import PROGRAM, ForkServerError, run_fork_server
from sandbox.stand_ins.sources import CITY_VARIABLE, find_city, list_served
from sandbox.state_folder import StateFolder, is_free

_PORT_CHANGES = 3


class CityError(Exception):
    """The city or an agency cannot do what was requested; the text is one line for a person."""


class ProcessState(enum.Enum):
    """The state of an agency's process."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPED = "stopped"
    """Ended on request."""
    DIED = "died"
    """Ended without a request."""


@dataclass(slots=True)
class SandboxAgency:
    """One agency: its ports, its credential, and the state of its process."""

    name: str
    port: int
    control_port: int
    user: str
    secret: str = field(repr=False)
    state: ProcessState = ProcessState.STOPPED
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class StateChange:
    """A change of an agency's state. `detail` gives the reason if it died."""

    agency: str
    state: ProcessState
    detail: str = ""


class SandboxCity:
    """`async with SandboxCity(folder) as city: city.agencies["pbb"].port` - starts every agency, stops every agency.

    `state` holds ports, credentials and data between starts. `latency` turns on the agencies' imitated latency.
    The agencies' data move to the day `today`. By default, the agencies are those of the city folder (`SIMPUL_CITY`);
    those without own code are served from their samples.
    `on_change` receives each change of an agency's state. `program` is the process from which agencies are forked
    (`sandbox/processes/fork_server.py`). Entering raises CityError if an agency does not start (the others are
    stopped), and StateError if the folder is in use. Agencies end with this process, however it ends (Linux).
    """

    def __init__(
        self,
        state: Path,
        *,
        latency: bool = True,
        today: date = DATA_DAY,
        agencies: Iterable[str] | None = None,
        on_change: Callable[[StateChange], None] = lambda _: None,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        self.folder = StateFolder(state)
        self.agencies: dict[str, SandboxAgency] = {}
        self._names = (*list_served(find_city()), ISSUER) if agencies is None else tuple(agencies)
        self._latency = latency
        self._today = today
        self._on_change = on_change
        self._program = program
        self._children: dict[str, AgencyProcess] = {}
        self._locks = {name: asyncio.Lock() for name in self._names}
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._forks = ""
        self._exit = contextlib.AsyncExitStack()

    def __repr__(self) -> str:
        """The agencies and their states."""
        states = " ".join(f"{agency.name}={agency.state.value}" for agency in self.agencies.values())
        return f"<City {self.folder.path} {states}>"

    async def __aenter__(self) -> Self:
        """Start all agencies concurrently."""
        self._exit.enter_context(self.folder.lock())
        try:
            self._forks = await self._start_forks()
            self.agencies = {name: self._build_agency(name) for name in self._names}
            async with asyncio.TaskGroup() as group:
                for name in self._names:
                    group.create_task(self._start_new(name))
        except BaseException as problem:
            await self._stop_all()
            if isinstance(problem, BaseExceptionGroup):
                raise problem.exceptions[0] from None  # the first to fail; the others were cancelled for it
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop all agencies concurrently."""
        await self._stop_all()

    async def start(self, name: str) -> None:
        """Start one agency on its previous port; does nothing if it runs. Raises CityError."""
        async with self._lock(name):
            agency = self.agencies[name]
            if agency.state is ProcessState.RUNNING:
                return
            child = AgencyProcess(name, port=agency.port, control_port=agency.control_port, log=self._log_path(name))
            self._children[name] = child
            environment = {
                "SANDBOX_USER": agency.user,
                "SANDBOX_SECRET": agency.secret,
                "SANDBOX_LATENCY": "on" if self._latency else "off",
                "SANDBOX_TODAY": self._today.isoformat(),
                **({} if name in PARTS else {CITY_VARIABLE: str(find_city().resolve())}),
            }
            self._set_state(name, ProcessState.STARTING)
            try:
                await child.launch(self._forks, self.folder.folder("agencies", name), environment)
                await child.wait_until_ready()
            except AgencyProcessError as problem:
                await child.stop()
                self._set_state(name, ProcessState.DIED, str(problem))
                raise CityError(f"{problem} (log: {self._log_path(name)})") from None
            self._set_state(name, ProcessState.RUNNING)
            self._watches[name] = asyncio.create_task(self._watch(name, child))

    async def _start_new(self, name: str) -> None:
        """Start one agency; on another port if a program took its port after it was chosen. Raises CityError."""
        for _ in range(_PORT_CHANGES):
            try:
                await self.start(name)
            except CityError:
                agency = self.agencies[name]
                if is_free(agency.port) and is_free(agency.control_port):
                    raise
                self.agencies[name] = self._build_agency(name)
            else:
                return
        await self.start(name)

    async def stop(self, name: str) -> None:
        """Stop one agency; does nothing if it does not run. Raises CityError."""
        async with self._lock(name):
            watch = self._watches.pop(name, None)
            if watch is not None:
                watch.cancel()
            child = self._children.pop(name, None)
            if child is not None:
                await child.stop()
                self._set_state(name, ProcessState.STOPPED)

    async def _start_forks(self) -> str:
        """Start the process from which agencies are forked; returns its address. Raises CityError."""
        path = self._log_path("forks")
        try:
            with path.open("wb") as log:
                return await self._exit.enter_async_context(run_fork_server(self._program, log))
        except ForkServerError as problem:
            raise CityError(f"the sandbox city did not start: {problem} (log: {path})") from None

    def _build_agency(self, name: str) -> SandboxAgency:
        return SandboxAgency(
            name=name,
            port=self.folder.port(name),
            control_port=self.folder.port(f"{name}.control"),
            user=f"simpul_{name}",
            secret=self.folder.secret(name),
        )

    def _lock(self, name: str) -> asyncio.Lock:
        if name not in self._locks:
            raise CityError(f"{name!r} is not an agency of the sandbox city: choose one of {', '.join(self._names)}")
        return self._locks[name]

    def _log_path(self, name: str) -> Path:
        return self.folder.folder("logs") / f"{name}.log"

    def _set_state(self, name: str, state: ProcessState, detail: str = "") -> None:
        agency, child = self.agencies[name], self._children.get(name)
        agency.state = state
        agency.pid = child.pid if child else None
        self._on_change(StateChange(name, state, detail))

    async def _watch(self, name: str, child: AgencyProcess) -> None:
        """Detect the end of an agency that was not requested."""
        code = await child.wait_for_end()
        reason = f"signal {-code}" if code < 0 else f"exit code {code}"
        last = child.last_line()
        await child.stop()  # ends the rest of its process group
        self._set_state(name, ProcessState.DIED, f"{reason}{f': {last}' if last else ''}")

    async def _stop_all(self) -> None:
        try:
            await asyncio.gather(*(self.stop(name) for name in self._names), return_exceptions=True)
        finally:
            await self._exit.aclose()
