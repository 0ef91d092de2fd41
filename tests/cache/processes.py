"""Processes' shares in a Valkey."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from auth.rate_keys import RateKeys
from cache.shared import SharedCounts
from tests.cache.valkey import Valkey

KEYS = RateKeys(b"s" * 32)


@asynccontextmanager
async def counts(valkey: Valkey, *, patience: float = 2.0) -> AsyncIterator[SharedCounts]:
    """One process's share in it. A busy machine may be slow, so it is patient where that is not what is tried."""
    shared = SharedCounts(valkey.url, keyed=KEYS, patience=patience, pause=0.05)
    await shared.start()
    try:
        yield shared
    finally:
        await shared.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in a task that sets no event
            await asyncio.sleep(0.01)
