"""Runs one agency as a child process: launch it, wait until it is ready, stop it with everything it started."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from sandbox.processes.forked_process import ForkedProcess, ForkServerError
from sandbox.state_folder import LOOPBACK

READY_TIMEOUT_S = 60.0  # seconds; the first start writes the seed data
STOP_TIMEOUT_S = 4.0


class AgencyProcessError(Exception):
    """An agency did not start; the text is one line that names it and the reason."""


class AgencyProcess:
    """The process of one agency.

    `launch`, then `wait_until_ready`; `wait_for_end` returns its exit code; `stop` ends it and its children.
    """

    def __init__(self, name: str, *, port: int, control_port: int, log: Path) -> None:
        self.name = name
        self.port = port
        self.control_port = control_port
        self._log = log
        self._folder = ""
        self._process: ForkedProcess | None = None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def launch(self, forks: str, state: Path, environment: Mapping[str, str]) -> None:
        """Start the process with the fork server at this address; its output overwrites the log file.

        Raises AgencyProcessError.
        """
        self._folder = _find_real_name(state)
        ports = ["--port", str(self.port), "--control-port", str(self.control_port)]
        command = [self.name, *ports, "--state", str(state)]
        with self._log.open("wb") as log:
            try:
                self._process = await ForkedProcess.start(forks, command, {**os.environ, **environment}, log)
            except ForkServerError as error:
                raise AgencyProcessError(f"{self.name} did not start: {error}") from error

    async def wait_until_ready(self, timeout: float = READY_TIMEOUT_S) -> None:
        """Wait until it reports ready at its control port. Raises AgencyProcessError if it ends or takes too long."""
        ended = asyncio.create_task(self.wait_for_end())
        try:
            async with asyncio.timeout(timeout):
                while not await _is_healthy(self.control_port, self._folder):
                    await asyncio.wait([ended], timeout=0.05)
                    if ended.done():
                        raise AgencyProcessError(f"{self.name} did not start: {self.last_line() or 'no output'}")
        except TimeoutError:
            raise AgencyProcessError(f"{self.name} was not ready after {timeout:.0f} s: {self.last_line()}") from None
        finally:
            ended.cancel()

    async def wait_for_end(self) -> int:
        """Wait for its end; returns the exit code, negative for a signal."""
        return await self._process.wait() if self._process else 0

    async def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Terminate it; after `timeout_s` seconds, kill its process group. Returns when it has ended."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), timeout_s)
        except TimeoutError:
            pass
        finally:  # also if this task is cancelled meanwhile
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    def last_line(self) -> str:
        """The last line of its output."""
        if not self._log.exists():
            return ""
        lines = [line.strip() for line in self._log.read_text(errors="replace").splitlines()]
        return next((line for line in reversed(lines) if line), "")


def _find_real_name(folder: Path) -> str:
    return str(folder.resolve())


async def _is_healthy(control_port: int, folder: str) -> bool:
    """Whether `GET /health` on the control port answers 200 for the agency of this state folder.

    Another city may have taken the port since it was chosen: its agency answers there, and ours is about to fail.
    """
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(LOOPBACK, control_port)
            try:
                writer.write(f"GET /health HTTP/1.0\r\nHost: {LOOPBACK}\r\n\r\n".encode())
                await writer.drain()
                head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
        return head.split()[1:2] == [b"200"] and json.loads(body)["state"] == folder
    except (OSError, TimeoutError, ValueError, LookupError, TypeError):
        return False
