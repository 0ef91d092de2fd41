"""Conditions that are polled: what they wait for happens in another process, thread or server, which sets no event."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def wait_until(is_met: Callable[[], bool], timeout: float = 20) -> None:
    """Wait until the condition is met. Raises `TimeoutError` after the seconds given."""
    async with asyncio.timeout(timeout):
        while not is_met():  # noqa: ASYNC110 - nothing sets an event
            await asyncio.sleep(0.01)
