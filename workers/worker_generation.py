"""A generation of workers, as the supervisor controls it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from workers.signals import DRAIN, STOP

_ROOT = Path(__file__).parents[1]


class GenerationFailed(Exception):  # noqa: N818 - names the condition
    """A generation could not start; the text is the reason in one line."""


class WorkerGeneration:
    """One generation: its process, a pipe for its status reports, and a pipe that closes when the supervisor ends."""

    def __init__(
        self, process: asyncio.subprocess.Process, status_pipe: int, supervisor_pipe: int, *, code_folder: Path
    ) -> None:
        self.code_folder = code_folder
        """The folder of the code that it runs, with links resolved."""
        self.serving_workers = 0
        """The number of workers that serve now."""
        self._process = process
        self._supervisor_pipe = supervisor_pipe
        self._failure = ""
        self._is_complete = asyncio.Event()
        self._status_task = asyncio.create_task(self._read_status(status_pipe))

    @classmethod
    async def start(
        cls, listener: socket.socket, environment: Mapping[str, str], *, release: Path | None, workers: int
    ) -> WorkerGeneration:
        """Starts a generation with the code in the folder `close_pipe`, or with this code. Raises GenerationFailed."""
        # 1. Resolve the release now: if the link changes later, this generation still runs one version of the code.
        root = _ROOT if release is None else await asyncio.to_thread(release.resolve)
        python = sys.executable if release is None else str(root / ".venv" / "bin" / "python")
        # 2. One pipe carries its status reports. The other one closes when the supervisor ends, even if it is killed:
        #    then the workers end.
        status_reader, status_writer = os.pipe()
        supervisor_pipe, held_end = os.pipe()
        handles = (listener.fileno(), status_writer, supervisor_pipe)
        script = str(root / "scripts" / "generation.py")
        # 3. Start the process. It inherits only the socket and its ends of the pipes.
        try:
            process = await asyncio.create_subprocess_exec(
                *(python, "-P", script, *map(str, handles), str(workers)),
                env=dict(environment),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=handles,
                start_new_session=True,  # Ctrl-C is for the supervisor only
            )
        except OSError as problem:
            for each in (status_reader, held_end):
                os.close(each)
            raise GenerationFailed(f"{python} cannot be started: {problem.strerror}") from None
        finally:
            # 4. Close the copies of its ends: otherwise the status reports would never end with the process.
            os.close(status_writer)
            os.close(supervisor_pipe)
        return cls(process, status_reader, held_end, code_folder=root)

    @property
    def is_running(self) -> bool:
        """Whether the process that manages the workers is running."""
        return self._process.returncode is None

    async def wait_until_complete(self) -> None:
        """Returns when every worker serves. Raises GenerationFailed."""
        ended = asyncio.create_task(self.wait_until_ended())
        complete = asyncio.create_task(self._is_complete.wait())
        try:
            await asyncio.wait({ended, complete}, return_when=asyncio.FIRST_COMPLETED)
            if not self._is_complete.is_set():
                await self._status_task  # the last report may contain the reason
                raise GenerationFailed(
                    self._failure or f"it ended unexpectedly ({_describe_exit(self._process.returncode or 0)})"
                )
        finally:
            ended.cancel()
            complete.cancel()

    async def wait_until_ended(self) -> None:
        """Returns when its process has ended."""
        await self._process.wait()

    def stop(self) -> None:
        """Lets the workers finish running requests; a second call ends them immediately."""
        self._send_signal(STOP)

    def drain(self) -> None:
        """Lets the workers finish running requests, however long that takes."""
        self._send_signal(DRAIN)

    def close_pipe(self) -> None:
        """Closes the supervisor's pipe: the workers finish their requests, even without a managing process."""
        if self._supervisor_pipe >= 0:
            os.close(self._supervisor_pipe)
            self._supervisor_pipe = -1

    def kill(self) -> None:
        """Kills all of its processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _send_signal(self, number: signal.Signals) -> None:
        if self.is_running:
            self._process.send_signal(number)
        else:
            # Workers outlive a lost managing process; the closed pipe ends them.
            self.close_pipe()

    async def _read_status(self, status: int) -> None:
        """Reads its status reports until it ends."""
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(status, "rb")
        )
        try:
            async for line in reader:
                report = json.loads(line)
                self.serving_workers = report.get("serving", self.serving_workers)
                self._failure = report.get("failed", self._failure)
                if report.get("whole"):
                    self._is_complete.set()
        finally:
            self.serving_workers = 0
            transport.close()


def _describe_exit(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit {code}"
