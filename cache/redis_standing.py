"""How a Redis or Valkey stands, for an operator: what it is, and whether it can be used for what the hub needs."""

from __future__ import annotations

from dataclasses import dataclass
from time import time

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

FITTING = frozenset({"noeviction", "volatile-ttl"})
"""Policies under which tokens do not go before the answers that they fence."""


class RedisSilent(Exception):  # noqa: N818 - a condition, not a fault
    """It does not answer, or refuses; the text is a class of error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisStanding:
    """What a look found."""

    version: str
    cluster: bool
    policy: str | None
    """What goes when memory is full (`maxmemory-policy`)."""
    bounded: bool
    """Whether memory has a bound (`maxmemory`)."""
    clock: float
    """Seconds by which the server's clock is ahead of this machine's."""


async def redis_standing(url: str, *, within: float = 5.0) -> RedisStanding:
    """How it stands; changes nothing. Raises `RedisSilent`."""
    client = Redis.from_url(
        url, socket_timeout=within, socket_connect_timeout=within, retry=Retry(NoBackoff(), 0), protocol=2
    )
    try:
        told = {**await client.info("server"), **await client.info("memory"), **await client.info("cluster")}
        seconds, microseconds = await client.time()
    except (RedisError, OSError, ValueError) as failure:
        raise RedisSilent(type(failure).__name__) from failure
    finally:
        await client.aclose()
    return RedisStanding(
        version=str(told.get("valkey_version") or told.get("redis_version")),
        cluster=bool(int(told.get("cluster_enabled", 0))),
        policy=told.get("maxmemory_policy"),
        bounded=int(told.get("maxmemory", 0)) > 0,
        clock=seconds + microseconds / 1_000_000 - time(),
    )
