"""A generation of workers, as the supervisor knows it from outside."""

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

from workers.signals import END, RETIRE

_ROOT = Path(__file__).parents[1]


class NotServing(Exception):  # noqa: N818 - names the condition
    """A generation could not begin; the text is the reason in one line."""


class Shift:
    """One generation: its process, and the pipes by which it tells how it is and knows that somebody looks after it."""

    def __init__(self, process: asyncio.subprocess.Process, status: int, tether: int, *, code: Path) -> None:
        """Look after it. See `Shift.begun`."""
        self.code = code
        """The folder whose code it runs: of a link, where that led to."""
        self.serving = 0
        """Workers that serve at the moment."""
        self._process = process
        self._tether = tether
        self._failed = ""
        self._whole = asyncio.Event()
        self._listening = asyncio.create_task(self._listen(status))

    @classmethod
    async def begun(
        cls, listener: socket.socket, environment: Mapping[str, str], *, release: Path | None, workers: int
    ) -> Shift:
        """A generation that is beginning, of the code in the folder `release`, or of this code. Raises NotServing."""
        root = _ROOT if release is None else await asyncio.to_thread(release.resolve)
        python = sys.executable if release is None else str(root / ".venv" / "bin" / "python")
        reads, status = os.pipe()
        tether, holds = os.pipe()
        handles = (listener.fileno(), status, tether)
        script = str(root / "scripts" / "generation.py")
        try:
            process = await asyncio.create_subprocess_exec(
                *(python, "-P", script, *map(str, handles), str(workers)),
                env=dict(environment),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=handles,
                start_new_session=True,  # Ctrl-C is for the supervisor
            )
        except OSError as problem:
            for each in (reads, holds):
                os.close(each)
            raise NotServing(f"{python} cannot be started: {problem.strerror}") from None
        finally:
            os.close(status)
            os.close(tether)
        return cls(process, reads, holds, code=root)

    @property
    def running(self) -> bool:
        """Whether there is still a process that looks after the workers."""
        return self._process.returncode is None

    async def whole(self) -> None:
        """Return when every worker serves. Raises NotServing."""
        over = asyncio.create_task(self.over())
        whole = asyncio.create_task(self._whole.wait())
        try:
            await asyncio.wait({over, whole}, return_when=asyncio.FIRST_COMPLETED)
            if not self._whole.is_set():
                await self._listening
                raise NotServing(self._failed or f"it ended by itself ({_how(self._process.returncode or 0)})")
        finally:
            over.cancel()
            whole.cancel()

    async def over(self) -> None:
        """Return when its process has ended."""
        await self._process.wait()

    def end(self) -> None:
        """Let the workers finish what runs; the second time end at once."""
        self._send(END)

    def retire(self) -> None:
        """Let the workers finish what runs, however long that takes."""
        self._send(RETIRE)

    def let_go(self) -> None:
        """Hold it no more: its workers finish what runs, also where nobody is left to look after them."""
        if self._tether >= 0:
            os.close(self._tether)
            self._tether = -1

    def kill(self) -> None:
        """End every one of its processes as a crash would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self.running:
            self._process.send_signal(number)
        else:
            self.let_go()

    async def _listen(self, status: int) -> None:
        """Hear what it says of itself, to its end."""
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(status, "rb")
        )
        try:
            async for line in reader:
                said = json.loads(line)
                self.serving = said.get("serving", self.serving)
                self._failed = said.get("failed", self._failed)
                if said.get("whole"):
                    self._whole.set()
        finally:
            self.serving = 0
            transport.close()


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit {code}"
