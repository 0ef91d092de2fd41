"""Runs commands, each in a process forked from this one, which has imported what they need.

A program calls `serve_forks`, which writes the address of a unix socket to standard output. A client connects once a
command: it sends a line of JSON (`arguments`, `environment`) with the files for standard output and error, and
receives the process id, a line end and at last the exit code, negative for a signal. A client that disconnects ends
its command. The server ends with its standard input. Starting Python and the imports, 0.2 to 2 s, are paid once.
"""

from __future__ import annotations

import atexit
import faulthandler
import gc
import json
import os
import selectors
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress

from sandbox.processes.parent_death_signal import set_parent_death_signal

ForkMain = Callable[[Sequence[str]], int | None]
"""Runs a command in its own process, with its environment in `os.environ`; returns the exit code."""
_MAX_BYTES = 1_000_000
"""Bytes of a request."""
_MAX_FILES = 4096
"""Above any file descriptor of the server."""
_GRACE_S = 10.0
"""Seconds between SIGTERM and SIGKILL for a command whose client disconnected."""


def serve_forks(main: ForkMain) -> None:
    """Serve until standard input ends; a program may disable the collection of garbage until this call."""
    gc.collect()
    gc.enable()
    gc.freeze()  # a collection in a child would copy the memory that it shares
    folder = tempfile.mkdtemp(prefix="simpul-")  # short: a path of a socket has 107 bytes
    try:
        _ForkServer(f"{folder}/socket", main).run()
    finally:  # not with `TemporaryDirectory`: each command would remove it at its exit
        shutil.rmtree(folder)


class _ForkServer:
    def __init__(self, address: str, main: ForkMain) -> None:
        self._main = main
        self._address = address
        self._connections: dict[int, socket.socket] = {}
        self._kill_at: dict[int, float] = {}
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        """Answer clients until standard input ends and no command runs."""
        ended, wakeup = os.pipe()
        for each in (ended, wakeup):
            os.set_blocking(each, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler, nothing is written to the pipe
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self._address)
            listener.listen(64)
            self._selector.register(listener, selectors.EVENT_READ, lambda: self._accept(listener))
            self._selector.register(ended, selectors.EVENT_READ, lambda: self._reap(ended))
            self._selector.register(sys.stdin, selectors.EVENT_READ, lambda: self._selector.unregister(sys.stdin))
            sys.stdout.write(f"{self._address}\n")
            sys.stdout.flush()
            while self._connections or sys.stdin in self._selector.get_map():
                for key, _ in self._selector.select(1 if self._kill_at else None):
                    key.data()
                for pid, at in self._kill_at.items():
                    if at < time.monotonic():
                        os.kill(pid, signal.SIGKILL)

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        body, handles, _, _ = socket.recv_fds(connection, _MAX_BYTES, 2)
        while body and not body.endswith(b"\n"):
            body += connection.recv(_MAX_BYTES)
        if not body:
            connection.close()
            return
        server = os.getpid()
        if (pid := os.fork()) == 0:
            self._become_command(server, body, handles)
        for handle in handles:
            os.close(handle)
        self._connections[pid] = connection
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._end(pid))
        _send(connection, f"{pid}\n")

    def _end(self, pid: int) -> None:
        """End the command of a client that disconnected."""
        if pid not in self._connections:  # the command ended at the same time
            return
        self._selector.unregister(self._connections[pid])
        self._kill_at[pid] = time.monotonic() + _GRACE_S
        os.kill(pid, signal.SIGTERM)

    def _reap(self, ended: int) -> None:
        """Report the exit codes of the commands that ended."""
        os.read(ended, 4096)
        with suppress(ChildProcessError):  # none is left
            while (status := os.waitpid(-1, os.WNOHANG))[0]:
                pid = status[0]
                connection = self._connections.pop(pid)
                if self._kill_at.pop(pid, None) is None:
                    self._selector.unregister(connection)
                    _send(connection, str(os.waitstatus_to_exitcode(status[1])))
                connection.close()

    def _become_command(self, server: int, request: bytes, handles: Sequence[int]) -> None:
        """Run the command in this forked process, and exit."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            set_parent_death_signal(server, signal.SIGTERM)
            os.setsid()
            nothing = os.open(os.devnull, os.O_RDONLY)
            for handle, place in zip((nothing, *handles), (0, 1, 2), strict=True):
                os.dup2(handle, place)
            os.closerange(3, _MAX_FILES)  # of the server and other commands, whose clients would wait for this one, too
            os.chdir("/")
            os.environ.clear()
            command = json.loads(request)
            os.environ.update(command["environment"])
            tempfile.tempdir = None
            faulthandler.enable()  # SIGABRT prints where it is
            code = self._main(command["arguments"]) or 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
            if isinstance(end.code, str):
                sys.stderr.write(f"{end.code}\n")
        except BaseException:  # noqa: BLE001 - the end of a process
            traceback.print_exc()
        finally:
            _exit(code)


def _send(connection: socket.socket, text: str) -> None:
    with suppress(OSError):  # the client disconnected
        connection.sendall(text.encode())


def _exit(code: int) -> None:
    """Exit like Python, without its last step: to free all modules costs four times what a short command does.

    It writes to every object, so that all memory that the forked process shares is copied first.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - there is no public name
    atexit._run_exitfuncs()  # noqa: SLF001 - as above
    for stream in (sys.stdout, sys.stderr):
        if not stream.closed:
            stream.flush()
    os._exit(code)
