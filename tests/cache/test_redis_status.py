"""The status of a Redis for operators."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis.asyncio import Redis

from cache.redis_status import SAFE_EVICTION_POLICIES, RedisUnreachable, read_redis_status
from tests.cache.valkey import run_valkey
from tests.sandbox_agencies import HOST, free_port


async def test_version_policy_memory_limit_and_clock_are_reported(tmp_path: Path) -> None:
    with run_valkey(tmp_path) as valkey:
        how = await read_redis_status(valkey.url)
        assert int(how.version.partition(".")[0]) >= 7
        assert (how.is_cluster, how.eviction_policy, how.has_memory_limit) == (False, "noeviction", False)
        assert how.eviction_policy in SAFE_EVICTION_POLICIES
        assert abs(how.clock_offset) < 2
        async with Redis.from_url(valkey.url, protocol=2) as client:
            await client.config_set("maxmemory", "100mb")
            await client.config_set("maxmemory-policy", "allkeys-lru")
        how = await read_redis_status(valkey.url)
        assert (how.eviction_policy, how.has_memory_limit, how.eviction_policy in SAFE_EVICTION_POLICIES) == (
            "allkeys-lru",
            True,
            False,
        )


async def test_a_missing_server_is_reported_by_the_class_of_its_error() -> None:
    with pytest.raises(RedisUnreachable) as silent:
        await read_redis_status(f"redis://:geheim@{HOST}:{free_port()}", timeout=1)
    assert str(silent.value) == "ConnectionError"
