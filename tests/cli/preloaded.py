"""Runs commands of `simpul` and agencies of the city, each in a process forked from one that has imported them all.

As a program it is the one for `simpul`; that for agencies is the city's own (`sandbox/agency_forks.py`).
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

SIMPUL = "simpul"
SANDBOX = "sandbox"
_PACKAGES = ("cli", "settings", "wiring", "schema", "store", "workers", "sandbox")
_ROOT = Path(__file__).parents[2]
_PROGRAMS = {SIMPUL: ("-P", __file__), SANDBOX: ("-m", "sandbox.agency_forks")}
_ABORT_TIMEOUT_S = 10


class Forked:
    """A command that runs; as far as tests need it, what `subprocess.Popen` is. It ends when this process ends."""

    def __init__(self, connection: socket.socket, command: Sequence[str], within: float | None = None) -> None:
        """Of the connection at which it tells of itself. Raises TimeoutError."""
        connection.settimeout(within)
        self._connection = connection
        self._told = b""
        self._command = command
        self.returncode: int | None = None
        while b"\n" not in self._told:
            self._hear()
        self.pid = int(self._told.partition(b"\n")[0])

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code once it has ended. Raises TimeoutExpired."""
        while self.returncode is None:
            self._connection.settimeout(timeout)
            try:
                self._hear()
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired(self._command, timeout or 0) from None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it ended meanwhile
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash would."""
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Stop listening to it; that ends it, too."""
        self._connection.close()

    def _hear(self) -> None:
        said = self._connection.recv(100)
        self._told += said
        if not said:
            self._connection.close()
            self.returncode = int(self._told.partition(b"\n")[2] or -signal.SIGTERM)  # nothing: its server was killed


class PreloadedInterpreter:
    """The process that has imported everything. It ends with this one."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._process = subprocess.Popen(  # noqa: S603 - our own programs
            [sys.executable, *_PROGRAMS[kind]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT
        )
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().decode().strip()
        """Of its unix socket."""
        if not self.address:
            raise RuntimeError("the commands could not be imported: see above")

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], within: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end. Raises TimeoutError, which says where the command was."""
        with TemporaryFile() as out, TemporaryFile() as err:
            command = self.launch(arguments, environment, out=out, err=err, within=within)
            try:
                code = command.wait(within)
            except subprocess.TimeoutExpired:
                command.send_signal(signal.SIGABRT)
                with suppress(subprocess.TimeoutExpired):
                    command.wait(_ABORT_TIMEOUT_S)
                command.close()
                message = f"{self.kind} {' '.join(arguments)} has not ended within {within:g} s: {_read_text(err)}"
                raise TimeoutError(message) from None
            return subprocess.CompletedProcess([self.kind, *arguments], code, _read_text(out), _read_text(err))

    def launch(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        out: IO[bytes],
        err: IO[bytes],
        within: float | None = None,
        agencies: PreloadedInterpreter | None = None,
    ) -> Forked:
        """Start a command, which writes to these files. The agencies of its city may be forked, too.

        Raises TimeoutError.
        """
        city = [] if self.kind == SANDBOX else ["" if agencies is None else agencies.address]
        request = json.dumps({"arguments": [*city, *arguments], "environment": dict(environment)})
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(within)
            connection.connect(self.address)
            socket.send_fds(connection, [f"{request}\n".encode()], [out.fileno(), err.fileno()])
            return Forked(connection, [self.kind, *arguments], within)
        except BaseException:
            connection.close()
            raise


@cache
def get_preloaded_interpreter(kind: str = SIMPUL) -> PreloadedInterpreter:
    """The one of this process: for commands of `simpul`, or for agencies."""
    return PreloadedInterpreter(kind)


def _read_text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode().replace("\r\n", "\n")


def _import_all() -> None:
    for name in ("server", "cli.main"):
        importlib.import_module(name)
    for package in _PACKAGES:
        places = getattr(importlib.import_module(package), "__path__", None)
        for each in pkgutil.walk_packages(places or [], f"{package}."):
            if not each.name.endswith("__main__") and ".migrations." not in each.name:
                importlib.import_module(each.name)
    # Half a second instead of five until a command is sent again: tests that kill agencies wait for it.
    importlib.import_module("services.commands.delivery_rules").FIRST_PAUSE = timedelta(seconds=0.5)  # type: ignore[attr-defined]  # set by name
    # The graph of the city is built once for all hubs and commands.
    folder = importlib.import_module("settings.city.folder")
    importlib.import_module("server").preload(folder.load_city(folder.DEFAULT_CITY))


def _run(arguments: Sequence[str]) -> None:
    city, *command = arguments
    if city:
        serve = importlib.import_module("cli.serve.commands")
        program = [
            "sh",
            "-c",
            'echo "$0"; exec cat',
            city,
        ]  # says where the agencies are forked that tests have imported
        serve.SandboxCity = partial(serve.SandboxCity, program=program)  # type: ignore[attr-defined]  # set by name
    sys.argv = [SIMPUL, *command]
    importlib.import_module("cli.main").main()


if __name__ == "__main__":
    sys.path.insert(0, str(_ROOT))
    _import_all()
    importlib.import_module("sandbox.processes.fork_server").serve_forks(_run)
