"""An operator is told whether a Redis can be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis.asyncio import Redis

from cache.redis_standing import FITTING, RedisSilent, redis_standing
from tests.cache.valkey import running_valkey
from tests.city import HOST, free_port


async def test_version_policy_bound_and_clock_are_told(tmp_path: Path) -> None:
    with running_valkey(tmp_path) as valkey:
        how = await redis_standing(valkey.url)
        assert int(how.version.partition(".")[0]) >= 7
        assert (how.cluster, how.policy, how.bounded) == (False, "noeviction", False)
        assert how.policy in FITTING
        assert abs(how.clock) < 2
        async with Redis.from_url(valkey.url, protocol=2) as client:
            await client.config_set("maxmemory", "100mb")
            await client.config_set("maxmemory-policy", "allkeys-lru")
        how = await redis_standing(valkey.url)
        assert (how.policy, how.bounded, how.policy in FITTING) == ("allkeys-lru", True, False)


async def test_one_that_is_not_there_is_told_by_the_class_of_its_error() -> None:
    with pytest.raises(RedisSilent) as silent:
        await redis_standing(f"redis://:geheim@{HOST}:{free_port()}", within=1)
    assert str(silent.value) == "ConnectionError"
