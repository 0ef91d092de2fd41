"""Processes that count in a Valkey."""

from __future__ import annotations

from collections.abc import AsyncIterator
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
    """One process's counters. The timeout is generous for a busy machine, except where the timeout is tested."""
    shared = RedisCounters(valkey.url, make_key=KEYS, timeout=timeout, retry_delay=0.05)
    await shared.start()
    try:
        yield shared
    finally:
        await shared.close()
