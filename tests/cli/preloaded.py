"""Runs commands of `simpul`, each in a process forked from one that has imported them all.

As a program it listens on a unix socket until its standard input ends. A command has its own arguments, environment,
output files and exit code. Only the start of Python and the imports, half a second to two, are paid once.
"""

from __future__ import annotations

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
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any

PACKAGES = ("cli", "settings", "wiring", "schema", "store", "workers", "sandbox")
_MAX_BYTES = 1_000_000
"""Bytes of a request."""


class PreloadedInterpreter:
    """The process that has imported everything. It ends with this one."""

    def __init__(self) -> None:
        root = Path(__file__).parents[2]
        self._folder = TemporaryDirectory(prefix="simpul-")  # short: a path of a socket has 107 bytes
        self._address = f"{self._folder.name}/socket"
        command = [sys.executable, "-P", __file__, str(root), self._address]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - this file
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            raise RuntimeError("the commands could not be imported: see above")

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], within: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end. Raises TimeoutError."""
        with TemporaryFile() as out, TemporaryFile() as err, socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(within)
            connection.connect(self._address)
            request = json.dumps({"arguments": [*arguments], "environment": dict(environment)})
            socket.send_fds(connection, [request.encode()], [out.fileno(), err.fileno()])
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(100), b""))
            return subprocess.CompletedProcess(["simpul", *arguments], int(answer), _read_text(out), _read_text(err))


@cache
def get_preloaded_interpreter() -> PreloadedInterpreter:
    """The one of this process."""
    return PreloadedInterpreter()


def _read_text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode().replace("\r\n", "\n")


def _import_all() -> None:
    for name in ("server", "cli.main"):
        importlib.import_module(name)
    for package in PACKAGES:
        places = getattr(importlib.import_module(package), "__path__", None)
        for each in pkgutil.walk_packages(places or [], f"{package}."):
            if not each.name.endswith("__main__") and ".migrations." not in each.name:
                importlib.import_module(each.name)


def _listen(address: str) -> None:
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
                    _answer(connection)


def _answer(connection: socket.socket) -> None:
    """Run the command in a child, and tell how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    body, handles, _, _ = socket.recv_fds(connection, _MAX_BYTES, 2)
    while more := connection.recv(_MAX_BYTES):
        body += more
    command = os.fork()
    if command == 0:
        connection.close()
        _run(json.loads(body), handles)
    code = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
    connection.sendall(str(code).encode())
    os._exit(0)


def _run(request: Any, handles: Sequence[int]) -> None:  # noqa: ANN401 - JSON
    from cli.main import main  # noqa: PLC0415 - as a program this file has the project's path only after its start

    nothing = os.open(os.devnull, os.O_RDONLY)
    for handle, place in zip((nothing, *handles), (0, 1, 2), strict=True):
        os.dup2(handle, place)
    os.closerange(3, max(nothing, *handles) + 1)
    os.chdir("/")
    os.environ.clear()
    os.environ.update(request["environment"])
    tempfile.tempdir = None
    sys.argv = ["simpul", *request["arguments"]]
    main()
    sys.exit()


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    _import_all()
    gc.freeze()
    _listen(sys.argv[2])
