"""Conditions that are polled: what they wait for happens in another process, thread or server, which sets no event."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


async def wait_until(is_met: Callable[[], bool], timeout: float = 20) -> None:
    """Wait until the condition is met. Raises `TimeoutError` after the seconds given."""
    async with asyncio.timeout(timeout):
        while not is_met():  # noqa: ASYNC110 - nothing sets an event
            await asyncio.sleep(0.01)


async def wait_until_answered(is_met: Callable[[], Awaitable[bool]], timeout: float = 20) -> None:
    """The same for a condition that must be asked for."""
    async with asyncio.timeout(timeout):
        while not await is_met():  # noqa: ASYNC110 - nothing sets an event
            await asyncio.sleep(0.05)  # each question costs the hub a few milliseconds


def block_until(is_met: Callable[[], bool], what: str, timeout: float = 60) -> None:
    """Wait without an event loop until the condition is met; fails with `what` after the seconds given."""
    end = time.monotonic() + timeout
    while not is_met():
        assert time.monotonic() < end, f"not within {timeout:.0f} s: {what}"
        time.sleep(0.02)
