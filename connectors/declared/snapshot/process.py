"""The process that builds the file of a snapshot, so that parsing holds neither the event loop nor its interpreter.

`python -m connectors.declared.snapshot.process` reads pickled values on standard input, from the hub alone: the plan,
then the source, or batches of rows until None. It writes the outcome as JSON.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from connectors.declared.snapshot.build import BuildPlan, NamedSource
from connectors.declared.snapshot.layout import SnapshotFacts
from connectors.drivers.files.row_error import RowError
from connectors.readers.rows import Row

_NICENESS: Final = 5
_MAX_OUTCOME_BYTES: Final = 1024 * 1024
_ROOT: Final = Path(__file__).parents[3]

RowBatches = AsyncIterator[Sequence[Row]]


Build = Callable[[BuildPlan, str, NamedSource | RowBatches], Awaitable[SnapshotFacts]]
"""Builds a file; see `build_in_process`."""


class BuildError(Exception):
    """A snapshot that was not built. The text says why, without values."""


class BuildOutcome(msgspec.Struct, frozen=True):
    """What the process writes: the facts, or the problem."""

    facts: SnapshotFacts | None = None
    problem: str = ""


async def build_in_process(plan: BuildPlan, name: str, rows: NamedSource | RowBatches) -> SnapshotFacts:
    """Build the file in a process for it, and return what it holds. `name` is the source in errors.

    Raises `BuildError`; and what `rows` raises: a source that does not answer costs no process.
    """
    first = await anext(rows, None) if isinstance(rows, AsyncIterator) else None
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "connectors.declared.snapshot.process",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={"PYTHONPATH": str(_ROOT), "PYTHONHASHSEED": "random"}, limit=_MAX_OUTCOME_BYTES,
    )  # fmt: skip
    try:
        written = await _communicate(process, plan, name, rows, first)
    except BaseException:
        if process.returncode is None:
            process.kill()
        await process.wait()
        raise
    try:
        outcome = msgspec.json.decode(written, type=BuildOutcome)
    except msgspec.MsgspecError:
        raise BuildError(f"{name}: the process that builds the snapshot ended with {process.returncode}") from None
    if outcome.facts is None:
        raise BuildError(outcome.problem)
    return outcome.facts


async def _communicate(
    process: asyncio.subprocess.Process,
    plan: BuildPlan,
    name: str,
    rows: NamedSource | RowBatches,
    first: Sequence[Row] | None,
) -> bytes:
    """Send everything, and return what the process writes. `first` is the batch that was taken from `rows`."""
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("The process was started with pipes.")
    with suppress(BrokenPipeError, ConnectionResetError):  # it has found a problem, and says which
        await _send(process.stdin, plan)
        if isinstance(rows, AsyncIterator):
            await _send(process.stdin, name)
            if first is not None:
                await _send(process.stdin, first)
            async for batch in rows:
                await _send(process.stdin, batch)
            await _send(process.stdin, None)
        else:
            await _send(process.stdin, rows)
        process.stdin.close()
    written = await process.stdout.read()
    await process.wait()
    return written


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
    """Build one snapshot."""
    os.nice(_NICENESS)
    os.umask(0o077)
    pipe = sys.stdin.buffer
    try:
        plan: BuildPlan = pickle.load(pipe)  # noqa: S301 - from the hub alone
        source = pickle.load(pipe)  # noqa: S301 - same
        outcome = BuildOutcome(
            facts=plan.write(plan, _StreamedRows(source, pipe) if isinstance(source, str) else source)
        )
    except RowError as error:
        outcome = BuildOutcome(problem=str(error))
    except EOFError:  # the hub ended
        return
    except Exception as error:  # noqa: BLE001 - its text may hold values of rows
        outcome = BuildOutcome(problem=f"the snapshot could not be built: {type(error).__name__}")
    sys.stdout.buffer.write(msgspec.json.encode(outcome))


if __name__ == "__main__":
    main()
