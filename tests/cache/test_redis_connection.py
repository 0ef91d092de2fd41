"""Connections to Redis that lie idle when the server goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from cache.redis_connection import PromptConnection
from cache.redis_tier import RedisTier
from cache.shared_tier import Wanted
from tests.cache.processes import counts, until
from tests.cache.valkey import Valkey

_HALF_CLOSED = "08"
"""State in `/proc/net/tcp`: closed by the other side alone."""


def half_closed(port: int) -> int:
    """How many connections to this port their server closed and we did not."""
    lines = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    return sum(1 for each in lines if each[3] == _HALF_CLOSED and int(each[2].rpartition(":")[2], 16) == port)


@asynccontextmanager
async def cached_answers(valkey: Valkey) -> AsyncIterator[None]:
    tier = RedisTier(valkey.url, longest=60.0, heard=lambda _: None, lost=lambda: None, patience=1.0, pause=60.0)
    await tier.start()
    try:
        await asyncio.gather(*(tier.look([Wanted("name", ("tag",))]) for _ in range(4)))
        yield
    finally:
        await tier.close()


@asynccontextmanager
async def shared_counts(valkey: Valkey) -> AsyncIterator[None]:
    async with counts(valkey):
        yield


@pytest.mark.parametrize("using", [cached_answers, shared_counts])
async def test_a_hub_without_requests_holds_no_connection_that_redis_has_closed(
    using: Callable[[Valkey], AbstractAsyncContextManager[None]], valkey: Valkey
) -> None:
    async with using(valkey):
        valkey.kill()
        assert half_closed(valkey.port)  # the loop has not turned since
        await until(lambda: not half_closed(valkey.port))


async def test_a_connection_that_redis_closed_while_idle_is_replaced_without_an_error(valkey: Valkey) -> None:
    async with Redis.from_url(valkey.url, protocol=2, connection_class=PromptConnection) as client:
        await client.set("name", "before")
        valkey.kill()
        await until(lambda: not half_closed(valkey.port))
        valkey.start()
        assert await client.get("name") is None


async def test_an_address_may_ask_for_probes_of_idle_connections(valkey: Valkey) -> None:
    url = f"{valkey.url}?socket_keepalive=yes"
    async with Redis.from_url(url, protocol=2, connection_class=PromptConnection) as client:
        assert await client.get("name") is None
