"""Pytest plugin: a test that does not end says where each task waits; shortly after, its process ends.

pytest's `faulthandler_timeout` ends the process and prints the stacks of its threads. Of a test that awaits, those show
the event loop only. pytest-xdist reports the test as failed, and goes on in another process.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Iterator
from types import AsyncGeneratorType, FrameType

import pytest

_WARNING = 0.95
"""The share of `faulthandler_timeout` after which the tasks are printed."""
_stderr = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_stderr] = os.dup(sys.__stderr__.fileno() if sys.__stderr__ else 2)


def pytest_unconfigure(config: pytest.Config) -> None:
    os.close(config.stash[_stderr])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    seconds = float(item.config.getini("faulthandler_timeout") or 0) * _WARNING

    def report(_: int, frame: FrameType | None) -> None:
        lines = [f"\n{item.nodeid} has not ended within {seconds:g} s", *_describe_tasks()]
        if frame is not None:
            lines.append(f"the main thread is at {frame.f_code.co_filename}:{frame.f_lineno}")
        os.write(item.config.stash[_stderr], ("\n".join(lines) + "\n").encode())

    before = signal.signal(signal.SIGALRM, report)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(tryfirst=True)
def pytest_enter_pdb() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)


def _describe_tasks() -> Iterator[str]:
    """A line for each task of the loop that runs: what it awaits, from its own coroutine to the innermost one."""
    try:
        tasks = asyncio.all_tasks()
    except RuntimeError:
        return
    for task in sorted(tasks, key=asyncio.Task.get_name):
        yield f"{task.get_name()} waits in {' > '.join(_find_awaited(task.get_coro()))}"


def _find_awaited(awaited: object) -> Iterator[str]:
    """Where a coroutine and those it awaits stand, with the iterators among them; a future has no place."""
    for frame_of, awaited_by in (("cr_frame", "cr_await"), ("ag_frame", "ag_await"), ("gi_frame", "gi_yieldfrom")):
        frame: FrameType | None = getattr(awaited, frame_of, None)
        if frame is not None:
            yield f"{frame.f_code.co_name} ({frame.f_code.co_filename}:{frame.f_lineno})"
            yield from _find_awaited(getattr(awaited, awaited_by))
            return
    # A step of an asynchronous generator, such as the end of a fixture, does not tell its generator.
    for generator in gc.get_referents(awaited):
        if isinstance(generator, AsyncGeneratorType):
            yield from _find_awaited(generator)
