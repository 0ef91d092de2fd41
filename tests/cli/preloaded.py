"""Runs commands of `simpul` and agencies of the city, each in a process forked from one that has imported them all.

As a program it listens on a unix socket until its standard input ends. A command has its own arguments, environment,
output files, session and exit code. Only the start of Python and the imports, half a second to two, are paid once.
"""

from __future__ import annotations

import atexit
import faulthandler
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any

SIMPUL = "simpul"
SANDBOX = "sandbox"
_PACKAGES = {SIMPUL: ("cli", "settings", "wiring", "schema", "store", "workers", "sandbox"), SANDBOX: ("sandbox",)}
_FORKED = (sys.executable, "-I", "-S", str(Path(__file__).with_name("forked.py")))
_MAX_BYTES = 1_000_000
"""Bytes of a request."""
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
        """Stop listening to it; that kills it, too."""
        self._connection.close()

    def _hear(self) -> None:
        said = self._connection.recv(100)
        self._told += said
        if not said:
            self._connection.close()
            self.returncode = int(self._told.partition(b"\n")[2])


class PreloadedInterpreter:
    """The process that has imported everything. It ends with this one."""

    def __init__(self, kind: str) -> None:
        root = Path(__file__).parents[2]
        self.kind = kind
        self._folder = TemporaryDirectory(prefix="simpul-")  # short: a path of a socket has 107 bytes
        self.address = f"{self._folder.name}/socket"
        """Of its unix socket."""
        command = [sys.executable, "-P", __file__, str(root), self.address, kind]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - this file
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
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
        city = {} if agencies is None else {"agencies": [*_FORKED, agencies.address]}
        request = json.dumps({"arguments": [*arguments], "environment": dict(environment), **city})
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


def _import_all(kind: str) -> Callable[[Sequence[str]], object]:
    """Import what is needed; the command line of this kind."""
    for name in ("server", "cli.main") if kind == SIMPUL else ():
        importlib.import_module(name)
    for package in _PACKAGES[kind]:
        places = getattr(importlib.import_module(package), "__path__", None)
        for each in pkgutil.walk_packages(places or [], f"{package}."):
            if not each.name.endswith("__main__") and ".migrations." not in each.name:
                importlib.import_module(each.name)
    if kind == SIMPUL:
        main = importlib.import_module("cli.main").main
        return lambda _: main()
    importlib.import_module(
        "sandbox.population.city_population"
    ).build_population()  # kept; nearly every agency needs them
    begin = importlib.import_module("sandbox.__main__").main
    return lambda arguments: begin(arguments, os.environ)


def _listen(address: str, main: Callable[[Sequence[str]], object]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nothing is waited for here
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    listener.close()
                    _answer(connection, main)


def _answer(connection: socket.socket, main: Callable[[Sequence[str]], object]) -> None:
    """Run the command in a child, and tell how it is called and how it ended; end it where nobody listens any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    body, handles, _, _ = socket.recv_fds(connection, _MAX_BYTES, 2)
    while not body.endswith(b"\n"):
        body += connection.recv(_MAX_BYTES)
    command = os.fork()
    if command == 0:
        connection.close()
        _run(json.loads(body), handles, main)
    for handle in handles:
        os.close(handle)
    connection.sendall(f"{command}\n".encode())
    if hasattr(os, "pidfd_open"):
        ended = os.pidfd_open(command)
        watched: list[Any] = [ended, connection]
        if ended not in select.select(watched, [], [])[0]:
            os.kill(command, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
    with suppress(OSError):
        connection.sendall(str(code).encode())
    os._exit(0)


def _run(request: Any, handles: Sequence[int], main: Callable[[Sequence[str]], object]) -> None:  # noqa: ANN401 - JSON
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for handle, place in zip((nothing, *handles), (0, 1, 2), strict=True):
        os.dup2(handle, place)
    os.closerange(3, max(nothing, *handles) + 1)
    os.chdir("/")
    os.environ.clear()
    os.environ.update(request["environment"])
    tempfile.tempdir = None
    if program := request.get("agencies"):
        serve = importlib.import_module("cli.serve.commands")
        serve.SandboxCity = partial(serve.SandboxCity, program=program)  # type: ignore[attr-defined]  # set by name
    sys.argv = [SIMPUL, *request["arguments"]]
    faulthandler.enable()  # SIGABRT makes it say where it is
    try:
        sys.exit(main(request["arguments"]))  # type: ignore[arg-type]  # None or a number
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        _exit(end.code or 0)


def _exit(code: int) -> None:
    """Exit like Python, without its last step: to free all modules costs four times what a short command does.

    It writes to every object, so that all memory that the forked process shares is copied first.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # there is no public name
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if not stream.closed:
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    _main = _import_all(sys.argv[3])
    gc.freeze()
    _listen(sys.argv[2], _main)
