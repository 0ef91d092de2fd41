"""Client of `sandbox/processes/fork_server.py`: starts a fork server, and commands that it forks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Self

ROOT = Path(__file__).parents[2]
PROGRAM: Sequence[str] = (sys.executable, "-m", "sandbox.agency_forks")


class ForkServerError(Exception):
    """A fork server did not start, or has ended."""


@contextlib.asynccontextmanager
async def run_fork_server(program: Sequence[str], log: IO[bytes]) -> AsyncIterator[str]:
    """Run a fork server for the length of the block; yields its address. Raises ForkServerError."""
    # PYTHONSAFEPATH would keep `-m sandbox` from finding the project.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    process = await asyncio.create_subprocess_exec(
        *program,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=log,
        cwd=ROOT,
        env=environment,
        start_new_session=True,  # Ctrl-C reaches only this process, which stops the agencies in order
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        address = (await process.stdout.readline()).decode().strip()
        if not address:
            raise ForkServerError(f"{' '.join(program)} did not start")
        yield address
    finally:
        process.stdin.close()
        await process.wait()


class ForkedProcess:
    """A command that a fork server runs; it gets SIGTERM when this process ends."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self.returncode: int | None = None
        """The exit code, negative for a signal; None while it runs."""
        self._end = asyncio.ensure_future(self._wait(reader, writer))

    @classmethod
    async def start(
        cls, address: str, arguments: Sequence[str], environment: Mapping[str, str], output: IO[bytes]
    ) -> Self:
        """Start a command that writes to this file. Raises ForkServerError."""
        request = json.dumps({"arguments": [*arguments], "environment": dict(environment)})
        # The end of the connection ends the command, so it must not stay open if this task is cancelled.
        with contextlib.ExitStack() as on_failure:
            connection = on_failure.enter_context(contextlib.closing(socket.socket(socket.AF_UNIX)))
            try:
                connection.connect(address)
                socket.send_fds(connection, [f"{request}\n".encode()], [output.fileno(), output.fileno()])
                reader, writer = await asyncio.open_unix_connection(sock=connection)
            except OSError as error:
                raise ForkServerError(f"the process that forks agencies does not answer: {error}") from error
            on_failure.pop_all()  # the writer owns it now
            on_failure.callback(writer.close)
            if not (pid := await reader.readline()):
                raise ForkServerError("the process that forks agencies has ended")
            on_failure.pop_all()
        return cls(int(pid), reader, writer)

    async def wait(self) -> int:
        """Wait for its end; returns the exit code."""
        return await asyncio.shield(self._end)

    def terminate(self) -> None:
        """Send SIGTERM. Raises ProcessLookupError if it has ended."""
        os.kill(self.pid, signal.SIGTERM)

    async def _wait(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        try:
            self.returncode = int(await reader.read() or -signal.SIGTERM)  # nothing: its server was killed
        finally:
            writer.close()
        return self.returncode
