"""Agencies of the sandbox city for tests: real servers, each in its own process, on free ports.

`tests/conftest.py` has one session-scoped fixture an agency (`dukcapil`, `jakpreneur`, `pbb`, `crm`, `pangan`), started
when a test first asks for it. A test that stops, kills or floods an agency starts its own (`run_agency`).
"""

import http.client
import json
import os
import random
import socket
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cli.preloaded import SANDBOX, Forked, get_preloaded_interpreter

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
USER = "simpul"
SECRET = "rahasia-uji"
READY_TIMEOUT_S = 120
PORTS = range(10_000, 20_000)
"""Below those of clients (`ip_local_port_range`) and of the city of `simpul serve` (`sandbox.state_folder.PORTS`)."""
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_OWN_PORTS = PORTS[_WORKER::_WORKERS]
"""Of this process: others of the same run never choose them."""
_RANDOM = random.SystemRandom()
_given = deque[int](maxlen=len(_OWN_PORTS) // 2)
"""The latest ports of `free_port`: their servers may not listen yet, or start again."""
STOP_TIMEOUT_S = 60


class AgencyDidNotStartError(Exception):
    """An agency ended, or was not ready in time; the text is what it said on stderr."""


@dataclass(slots=True, kw_only=True)
class RunningAgency:
    """One agency of the sandbox city in its own process, and its control API."""

    name: str
    port: int
    control_port: int
    user: str
    secret: str = field(repr=False)
    state: Path
    latency: bool
    environment: Mapping[str, str] = field(default_factory=dict)
    _process: Forked | None = None

    @property
    def process(self) -> Forked:
        """The process the agency runs in, or last ran in."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._process

    def health(self) -> dict[str, Any]:
        """What the agency says of itself."""
        health: dict[str, Any] = self._control("GET", "/health")
        return health

    def read_stderr(self) -> str:
        """What it wrote to stderr since its last start."""
        return _stderr_path(self).read_text(errors="replace").strip()

    def count_calls(self) -> dict[str, int]:
        """How often each operation was asked for since the last reset."""
        operations: dict[str, int] = self._control("GET", "/calls")["operations"]
        return operations

    def reset_calls(self) -> None:
        """Sets every counter to 0."""
        self._control("DELETE", "/calls")

    def set_mode(self, mode: str) -> None:
        """normal, error, slow, rubbish or refuse."""
        self._control("PUT", "/mode", {"mode": mode})

    def set_latency(self, p50_ms: float, p95_ms: float) -> None:
        """Simulated latency; 0, 0 answers immediately."""
        self._control("PUT", "/latency", {"p50_ms": p50_ms, "p95_ms": p95_ms})

    def hold_regions(self, *codes: str) -> None:
        """Limits a tax office to the objects in these regions."""
        self._control("PUT", "/regions", {"codes": codes})

    def resolve_complaint(self, number: str) -> None:
        """Does what the staff of the complaint system does, for the complaint with this number."""
        self._control("POST", "/resolutions", {"number": number})

    @contextmanager
    def in_mode(self, mode: str) -> Iterator[None]:
        """The agency in a mode for the length of the block, then normal again."""
        self.set_mode(mode)
        try:
            yield
        finally:
            self.set_mode("normal")

    def stop(self) -> int:
        """Ends the agency in order and returns its exit code; one that already ended stays so."""
        self.process.terminate()
        return self.process.wait(STOP_TIMEOUT_S)

    def kill(self) -> None:
        """Ends the agency as a crash would."""
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)

    def restart(self) -> None:
        """Starts the stopped agency on the same ports with the same data and credential."""
        self._process = _launch(self)
        _wait_until_ready(self)

    def _control(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401 - JSON
        with closing(http.client.HTTPConnection(HOST, self.control_port, timeout=5)) as connection:
            connection.request(method, path, json.dumps(body) if body is not None else None)
            answer = connection.getresponse()
            text = answer.read()
        if answer.status >= http.client.BAD_REQUEST:
            raise ValueError(f"{method} {path} of {self.name}: {answer.status} {text.decode()}")
        return json.loads(text) if text else None


def start_agency(
    name: str,
    state: Path,
    *,
    latency: bool = False,
    user: str = USER,
    secret: str = SECRET,
    environment: Mapping[str, str] | None = None,
) -> RunningAgency:
    """Starts an agency and returns when it is ready; its data goes to `state/<name>`.

    `environment` is added to its environment, such as `{"SIMPUL_WITHOUT": "mariadb"}`.

    Raises `AgencyDidNotStartError`.
    """
    agency = RunningAgency(
        name=name,
        port=free_port(),
        control_port=free_port(),
        user=user,
        secret=secret,
        state=state / name,
        latency=latency,
        environment=environment or {},
    )
    agency.restart()
    return agency


@contextmanager
def run_agency(
    name: str, state: Path, *, latency: bool = False, environment: Mapping[str, str] | None = None
) -> Iterator[RunningAgency]:
    """An agency that runs for the length of the block."""
    agency = start_agency(name, state, latency=latency, environment=environment)
    try:
        yield agency
    finally:
        agency.stop()


def free_port() -> int:
    """A random port of the loopback address that no socket uses now.

    Not one that the system gives to clients: a connection would take it between this call and the start of the server,
    or while the server restarts. Random, so that runs at the same time seldom choose the same.
    """
    while True:
        port = _RANDOM.choice(_OWN_PORTS)
        if port in _given:
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe, suppress(OSError):
            probe.bind((HOST, port))
            _given.append(port)
            return port


def _launch(agency: RunningAgency) -> Forked:
    agency.state.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "SANDBOX_USER": agency.user,
        "SANDBOX_SECRET": agency.secret,
        "SANDBOX_LATENCY": "on" if agency.latency else "off",
        "SANDBOX_TODAY": "2026-11-01",
        **agency.environment,
    }
    ports = ["--port", str(agency.port), "--control-port", str(agency.control_port)]
    command = [agency.name, *ports, "--state", str(agency.state)]
    with _stderr_path(agency).open("wb") as stderr:
        return get_preloaded_interpreter(SANDBOX).launch(command, environment, out=stderr, err=stderr)


def _wait_until_ready(agency: RunningAgency) -> None:
    until = time.monotonic() + READY_TIMEOUT_S
    while not _is_ready(agency):
        if agency.process.poll() is not None or time.monotonic() > until:
            agency.process.kill()
            code = agency.process.wait(STOP_TIMEOUT_S)
            output = agency.read_stderr() or "it said nothing"
            raise AgencyDidNotStartError(f"{agency.name} is not ready (exit code {code}): {output}")
        time.sleep(0.02)


def _is_ready(agency: RunningAgency) -> bool:
    try:
        health = agency.health()
        return health["ready"] is True and health["state"] == str(agency.state.resolve())
    except (OSError, http.client.HTTPException, ValueError, LookupError):
        return False


def _stderr_path(agency: RunningAgency) -> Path:
    return agency.state.with_name(f"{agency.name}.stderr")
