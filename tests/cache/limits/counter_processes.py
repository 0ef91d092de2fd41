"""Processes' shares in a Valkey."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from auth.crypto.rate_keys import RateKeys
from cache.limits.redis_counters import RedisCounters
from tests.cache.valkey import LocalValkey

KEYS = RateKeys(b"s" * 32)


@asynccontextmanager
async def run_counters(
    valkey: LocalValkey,
    *,
    timeout: float = 2.0,
) -> AsyncIterator[RedisCounters]:
    """One process's share in it. A busy machine may be slow, so it is patient where that is not what is tried."""
    shared = RedisCounters(valkey.url, make_key=KEYS, timeout=timeout, retry_delay=0.05)
    await shared.start()
    try:
        yield shared
    finally:
        await shared.close()


async def wait_until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in a task that sets no event
            await asyncio.sleep(0.01)
