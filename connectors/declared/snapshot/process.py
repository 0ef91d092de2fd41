"""The processes that build the files of snapshots, so that parsing holds neither the event loop nor its interpreter.

`python -m connectors.declared.snapshot.process` imports what they need, and forks one for each file: Python and the
imports take 0.3 s of processor time, a fork takes 0.01 s, and a hub has a dozen files. Its standard input is a unix
socket, over which the hub sends the connection of each build. On it the process names itself, reads pickled values
(the plan, then the source, or batches of rows until None), and writes the outcome as JSON.
"""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import select
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import BinaryIO, Final, Self

import msgspec

from connectors.declared.snapshot.build import BuildPlan, NamedSource
from connectors.declared.snapshot.layout import SnapshotFacts
from connectors.drivers.files.row_error import RowError
from connectors.readers.rows import Row

_NICENESS: Final = 5
_MAX_OUTCOME_BYTES: Final = 1024 * 1024
_IDLE_SECONDS: Final = 90.0
"""After this time without a build, the process that forks ends. Some snapshots are loaded each minute."""
_ROOT: Final = Path(__file__).parents[3]

RowBatches = AsyncIterator[Sequence[Row]]


Build = Callable[[BuildPlan, str, NamedSource | RowBatches], Awaitable[SnapshotFacts]]
"""Builds a file; see `BuildProcesses.build`."""


class BuildError(Exception):
    """A snapshot that was not built. The text says why, without values."""


class BuildOutcome(msgspec.Struct, frozen=True):
    """What a process writes: the facts, or the problem."""

    facts: SnapshotFacts | None = None
    problem: str = ""


class BuildProcesses:
    """Builds files, each in a process; for the length of an `async with` block."""

    def __init__(self) -> None:
        """Starts nothing yet."""
        self._forker: _Forker | None = None
        self._starting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(self, *error: object) -> None:
        """End the process that forks."""
        if self._forker is not None:
            await self._forker.close()

    async def build(self, plan: BuildPlan, name: str, rows: NamedSource | RowBatches) -> SnapshotFacts:
        """Build the file in a process for it, and return what it holds. `name` is the source in errors.

        Raises `BuildError`; and what `rows` raises: a source that does not answer costs no process.
        """
        first = await anext(rows, None) if isinstance(rows, AsyncIterator) else None
        process = await self._fork(name)
        try:
            written = await _communicate(process, plan, name, rows, first)
        except BaseException:
            await process.kill()
            raise
        finally:
            process.writer.close()
        try:
            outcome = msgspec.json.decode(written, type=BuildOutcome)
        except msgspec.MsgspecError:
            raise BuildError(f"{name}: the process that builds the snapshot ended without a result") from None
        if outcome.facts is None:
            raise BuildError(outcome.problem)
        return outcome.facts

    async def _fork(self, name: str) -> _Process:
        # The process that forks may end at the moment of the first attempt: it was idle for too long.
        for _ in range(2):
            async with self._starting:
                if self._forker is None:
                    self._forker = await _Forker.start()
                forker = self._forker
            if (process := await forker.fork()) is not None:
                return process
            async with self._starting:
                if self._forker is forker:
                    self._forker = None
                    await forker.close()
        raise BuildError(f"{name}: the process that builds the snapshot did not start")


class _Forker:
    """The process that forks, and the socket to it."""

    def __init__(self, process: asyncio.subprocess.Process, control: socket.socket) -> None:
        self._process = process
        self._control = control

    @classmethod
    async def start(cls) -> Self:
        control, theirs = socket.socketpair()
        with closing(theirs):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "connectors.declared.snapshot.process",
                stdin=theirs.fileno(), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
                env={"PYTHONPATH": str(_ROOT), "PYTHONHASHSEED": "random"},
            )  # fmt: skip
        return cls(process, control)

    async def fork(self) -> _Process | None:
        """A process for a build; None if the process that forks has ended."""
        connection, theirs = socket.socketpair()
        with closing(theirs):
            reader, writer = await asyncio.open_unix_connection(sock=connection, limit=_MAX_OUTCOME_BYTES)
            with suppress(OSError):
                socket.send_fds(self._control, [b"."], [theirs.fileno()])
        pid = b""
        try:
            with suppress(OSError):
                pid = await reader.readline()
        finally:  # also if the hub ends meanwhile
            if not pid:
                writer.close()
        return _Process(int(pid), reader, writer) if pid else None

    async def close(self) -> None:
        self._control.close()
        await self._process.wait()


class _Process:
    """A process for a build."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._pid = pid
        self.reader = reader
        self.writer = writer

    async def kill(self) -> None:
        """End it, so that it no longer writes the file. It holds its end of the connection until then."""
        with suppress(OSError):
            if not self.reader.at_eof():
                os.kill(self._pid, signal.SIGKILL)
                while await self.reader.read(_MAX_OUTCOME_BYTES):
                    pass


async def _communicate(
    process: _Process,
    plan: BuildPlan,
    name: str,
    rows: NamedSource | RowBatches,
    first: Sequence[Row] | None,
) -> bytes:
    """Send everything, and return what the process writes. `first` is the batch that was taken from `rows`."""
    with suppress(BrokenPipeError, ConnectionResetError):  # it has found a problem, and says which
        await _send(process.writer, plan)
        if isinstance(rows, AsyncIterator):
            await _send(process.writer, name)
            if first is not None:
                await _send(process.writer, first)
            async for batch in rows:
                await _send(process.writer, batch)
            await _send(process.writer, None)
        else:
            await _send(process.writer, rows)
        process.writer.write_eof()
    with suppress(ConnectionResetError):
        return await process.reader.read()
    return b""


async def _send(pipe: asyncio.StreamWriter, value: object) -> None:
    pipe.write(pickle.dumps(value))
    await pipe.drain()


class _StreamedRows:
    """Rows that the hub fetches and sends in batches."""

    row_word = "row"

    def __init__(self, name: str, pipe: BinaryIO) -> None:
        self.name = name
        self._pipe = pipe

    def read(self) -> Iterator[tuple[int, Row]]:
        number = 0
        while (batch := pickle.load(self._pipe)) is not None:  # noqa: S301 - from the hub alone
            for row in batch:
                number += 1
                yield number, row


def main() -> None:
    """Fork a process for each connection that the hub sends, until it closes the socket or sends none for long."""
    os.nice(_NICENESS)
    os.umask(0o077)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system forgets a child that ended
    gc.collect()
    gc.freeze()  # a collection in a child would copy the memory that it shares
    with socket.socket(fileno=os.dup(0)) as control:
        while select.select([control], [], [], _IDLE_SECONDS)[0]:
            try:
                more, handles, _, _ = socket.recv_fds(control, 1, 1)
            except ConnectionResetError:
                return
            if not more:
                return
            with socket.socket(fileno=handles[0]) as connection:
                if os.fork() == 0:
                    control.close()
                    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # the socket, at whose other end the hub would wait
                    _build_and_exit(connection)


def _build_and_exit(connection: socket.socket) -> None:
    try:
        connection.sendall(f"{os.getpid()}\n".encode())
        with connection.makefile("rb") as pipe, suppress(EOFError):  # the hub ended
            plan: BuildPlan = pickle.load(pipe)  # noqa: S301 - from the hub alone
            source = pickle.load(pipe)  # noqa: S301 - same
            outcome = build_outcome(plan, _StreamedRows(source, pipe) if isinstance(source, str) else source)
            connection.sendall(msgspec.json.encode(outcome))
    finally:
        os._exit(0)


def build_outcome(plan: BuildPlan, source: object) -> BuildOutcome:
    """Write the file. Raises EOFError if the hub ended."""
    try:
        return BuildOutcome(facts=plan.write(plan, source))
    except RowError as error:
        return BuildOutcome(problem=str(error))
    except EOFError:
        raise
    except Exception as error:  # noqa: BLE001 - its text may hold values of rows
        return BuildOutcome(problem=f"the snapshot could not be built: {type(error).__name__}")


if __name__ == "__main__":
    main()
