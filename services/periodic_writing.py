"""Writes what a process counts to the hub's database, in the background."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from records.shared_wakes import compute_pause

_WRITE_INTERVAL = 30.0
"""Seconds between two writes."""


@asynccontextmanager
async def writing_periodically(write: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Write periodically for the length of the block, and once more at its end."""

    async def write_periodically() -> None:
        while True:
            await asyncio.sleep(compute_pause(_WRITE_INTERVAL))
            await write()

    writing = asyncio.create_task(write_periodically())
    try:
        yield
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await write()
