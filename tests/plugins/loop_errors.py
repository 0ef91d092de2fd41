"""Pytest plugin: an error that only the event loop hears of fails the test in which it happened.

A failed task that no code awaits, or a callback that raises, is reported to the handler of its event loop. That
handler writes a log line, and the test passes. Here it fails the test. pytest itself reports coroutines that were never
awaited.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest

_call_exception_handler = asyncio.BaseEventLoop.call_exception_handler
_run_forever = asyncio.BaseEventLoop.run_forever
_reported: list[dict[str, Any]] = []
_loops_that_ran: set[int] = set()
"""The event loops that ran since the last collection, by their ids: without one there is no failed task to find."""


class UnhandledLoopError(Exception):
    """What the event loop reported; the cause is the first error."""


@pytest.fixture
def loop_errors() -> Iterator[list[dict[str, Any]]]:
    """What event loops reported in this test. A test that uses it provokes such errors: they do not fail it."""
    yield _reported
    _reported.clear()


def pytest_configure() -> None:
    # There is no hook for the loops of all tests.
    setattr(asyncio.BaseEventLoop, "call_exception_handler", _report)  # noqa: B010 - a method must not be assigned
    setattr(asyncio.BaseEventLoop, "run_forever", _run)  # noqa: B010 - as above


def pytest_unconfigure() -> None:
    setattr(asyncio.BaseEventLoop, "call_exception_handler", _call_exception_handler)  # noqa: B010 - as above
    setattr(asyncio.BaseEventLoop, "run_forever", _run_forever)  # noqa: B010 - as above


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Iterator[None]:
    yield
    # A failed task is reported when it is deleted. The young generations hold what this test made.
    if _loops_that_ran:
        _loops_that_ran.clear()
        gc.collect(1)
    if loop_errors.__name__ not in item.fixturenames:
        _fail_if_reported()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Iterator[None]:
    yield
    if nextitem is None:
        gc.collect()
    _fail_if_reported()


def _run(loop: asyncio.BaseEventLoop) -> None:
    _loops_that_ran.add(id(loop))
    _run_forever(loop)


def _report(loop: asyncio.BaseEventLoop, context: dict[str, Any]) -> None:
    if "exception" in context:  # a task that is destroyed while it waits comes with its loop, which is another matter
        _reported.append(context)
    _call_exception_handler(loop, context)


def _fail_if_reported() -> None:
    if not _reported:
        return
    contexts = tuple(_reported)
    _reported.clear()
    lines = [", ".join(f"{name}: {value!r}" for name, value in each.items()) for each in contexts]
    raise UnhandledLoopError("\n".join(lines)) from contexts[0].get("exception")
