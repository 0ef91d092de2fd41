"""Files are built in processes that one process forks: it ends, they end, and no build notices another."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any, cast

import pytest

from connectors.declared.snapshot.build import BuildPlan
from connectors.declared.snapshot.process import BuildError, BuildProcesses, RowBatches, _Forker
from connectors.readers.rows import Row
from tests.connectors.declared.snapshot.builds import StrangePlan, count_rows, die, tell_processes, wait
from tests.fakes.waiting import wait_until


def build_plan(write: object, place: Path = Path()) -> BuildPlan:
    return cast("BuildPlan", StrangePlan(cast("FunctionType", write), place))


async def find_processes(processes: BuildProcesses) -> tuple[int, int]:
    """The process of a build, and the one that forked it."""
    with pytest.raises(BuildError) as told:
        await processes.build(build_plan(tell_processes), "a", cast("Any", object()))
    own, parent = str(told.value).split(" of ")
    return int(own), int(parent)


async def stream(*batches: Sequence[Row]) -> RowBatches:
    for each in batches:
        yield each


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_each_build_has_a_process_and_all_are_forked_from_one() -> None:
    async with BuildProcesses() as processes:
        found = await asyncio.gather(*(find_processes(processes) for _ in range(4)))
    assert len({own for own, _ in found}) == 4
    assert len({parent for _, parent in found}) == 1
    assert not is_running(found[0][1])


async def test_a_process_that_ended_while_it_was_idle_is_started_again() -> None:
    async with BuildProcesses() as processes:
        _, first = await find_processes(processes)
        os.kill(first, signal.SIGKILL)
        _, second = await find_processes(processes)
    assert second != first


async def test_a_build_that_is_cancelled_ends_before_the_next_begins(tmp_path: Path) -> None:
    async with BuildProcesses() as processes:
        place = tmp_path / "pid"
        waiting = asyncio.create_task(processes.build(build_plan(wait, place), "a", cast("Any", object())))
        await wait_until(place.exists)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        pid = int(place.read_text())
        await wait_until(lambda: not is_running(pid))  # it exits: its files are closed


async def test_a_build_without_memory_fails_and_no_other_does() -> None:
    async with BuildProcesses() as processes:
        with pytest.raises(BuildError, match=r"^a: the process that builds the snapshot ended without a result$"):
            await processes.build(build_plan(die), "a", cast("Any", object()))
        with pytest.raises(BuildError, match=r"^b: 3 rows$"):
            await processes.build(build_plan(count_rows), "b", stream([{"id": "1"}, {"id": "2"}], [{"id": "3"}]))


async def test_a_process_that_cannot_start_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async with BuildProcesses() as processes:
        with monkeypatch.context() as patched:
            patched.setattr(sys, "executable", "/bin/false")
            with pytest.raises(BuildError, match=r"^a: the process that builds the snapshot did not start$"):
                await processes.build(build_plan(die), "a", cast("Any", object()))
        await find_processes(processes)


async def test_rows_that_fail_end_the_process_and_raise() -> None:
    async def fail() -> AsyncIterator[Sequence[Row]]:
        yield [{"id": "1"}]
        raise LookupError("no more")

    async with BuildProcesses() as processes:
        with pytest.raises(LookupError, match="no more"):
            await processes.build(build_plan(count_rows), "a", fail())
        await find_processes(processes)


async def test_a_fork_that_is_cancelled_leaves_no_connection() -> None:
    control, forking = socket.socketpair()
    with control, forking:
        asking = asyncio.create_task(_Forker(cast("Any", None), control).fork())
        _, descriptors, _, _ = await asyncio.to_thread(socket.recv_fds, forking, 1, 1)
        with socket.socket(fileno=descriptors[0]) as connection:
            asking.cancel()
            await asyncio.wait([asking])
            connection.settimeout(10)
            assert await asyncio.to_thread(connection.recv, 1) == b""
