"""The status of a Redis or Valkey server for an operator: what it is, and whether the hub can use it."""

from __future__ import annotations

from dataclasses import dataclass
from time import time

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

SAFE_EVICTION_POLICIES = frozenset({"noeviction", "volatile-ttl"})
"""Eviction policies that do not remove the epochs of tags before the answers that depend on them."""


class RedisUnreachable(Exception):  # noqa: N818 - a condition, not a fault
    """The server does not answer, or refuses; the text is the name of an error class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisStatus:
    """The status of a server."""

    version: str
    is_cluster: bool
    eviction_policy: str | None
    """What Redis evicts when memory is full (`maxmemory-policy`)."""
    has_memory_limit: bool
    """Whether memory is limited (`maxmemory`)."""
    clock_offset: float
    """Seconds by which the server's clock is ahead of this machine's."""


async def read_redis_status(url: str, *, timeout: float = 5.0) -> RedisStatus:
    """Reads the status; changes nothing. Raises `RedisUnreachable`."""
    client = Redis.from_url(
        url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=Retry(NoBackoff(), 0), protocol=2
    )
    try:
        info = {**await client.info("server"), **await client.info("memory"), **await client.info("cluster")}
        seconds, microseconds = await client.time()
    except (RedisError, OSError, ValueError) as failure:
        raise RedisUnreachable(type(failure).__name__) from failure
    finally:
        await client.aclose()
    return RedisStatus(
        version=str(info.get("valkey_version") or info.get("redis_version")),
        is_cluster=bool(int(info.get("cluster_enabled", 0))),
        eviction_policy=info.get("maxmemory_policy"),
        has_memory_limit=int(info.get("maxmemory", 0)) > 0,
        clock_offset=seconds + microseconds / 1_000_000 - time(),
    )
