"""Counters that processes share, in a real Valkey that is killed, frozen and restarted."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic

import pytest
from redis.asyncio import Redis

from cache.limits.rate_limiter import Bucket, Rate, RateLimiter
from cache.limits.redis_counters import RedisCounters
from cache.redis_server import DEFAULT_TIMEOUT
from tests.cache.limits.counter_processes import KEYS, run_counters
from tests.cache.valkey import LocalValkey, wait_until


async def take(limiter: RateLimiter, bucket: Bucket, cost: int = 1) -> float:
    waiting = limiter.take(bucket, cost)
    return waiting if isinstance(waiting, float) else await waiting


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.message for each in caplog.records if each.name == "simpul.limits"]


async def test_two_processes_share_a_rate(valkey: LocalValkey) -> None:
    async with run_counters(valkey) as one, run_counters(valkey) as other:
        here, there = RateLimiter(one), RateLimiter(other)
        rate = Rate(4, 600.0)
        at_one, at_other = Bucket("siti", rate), Bucket("siti", rate)
        assert [await take(here, at_one), await take(there, at_other)] == [0.0, 0.0]
        assert [await take(here, at_one), await take(there, at_other)] == [0.0, 0.0]
        assert 140 < await take(here, at_one) <= 150
        assert 140 < await take(there, at_other) <= 150
        assert (at_one.compute_remaining(monotonic())[0], at_other.compute_remaining(monotonic())[0]) == (0, 0)
        assert await take(there, Bucket("budi", rate)) == 0.0


async def test_of_many_concurrent_requests_exactly_the_limit_passes(valkey: LocalValkey) -> None:
    async with run_counters(valkey) as one, run_counters(valkey) as other:
        rate = Rate(100, 6000.0)
        pairs = [(RateLimiter(each), Bucket("many", rate)) for each in (one, other)]
        answers = await asyncio.gather(*(take(*pairs[number % 2]) for number in range(600)))
        assert sum(each == 0.0 for each in answers) == 100


async def test_a_cost_beyond_the_local_count_is_refused_without_a_call(valkey: LocalValkey) -> None:
    async with run_counters(valkey) as shared:
        limiter, bucket = RateLimiter(shared), Bucket("a", Rate(1, 600.0))
        assert await take(limiter, bucket) == 0.0
        assert isinstance(limiter.take(bucket, 1), float)


async def test_without_redis_at_the_start_the_hub_counts_alone_until_redis_comes(
    valkey: LocalValkey, caplog: pytest.LogCaptureFixture
) -> None:
    valkey.kill()
    with caplog.at_level(logging.INFO, "simpul.limits"):
        async with run_counters(valkey) as shared:
            limiter, bucket = RateLimiter(shared), Bucket("a", Rate(2, 600.0))
            assert shared.is_up is False
            assert [await take(limiter, bucket) for _ in range(3)][:2] == [0.0, 0.0]
            valkey.start()
            await wait_until(lambda: shared.is_up)
            assert repr(shared) == "<RedisCounters up>"
    assert lines(caplog) == [
        "Redis does not serve (ConnectionError): limits are counted in each process alone until it does.",
        "Redis serves again: limits are counted together.",
    ]


async def test_killing_redis_fails_no_call_and_counting_continues_from_the_last_state(
    valkey: LocalValkey, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "simpul.limits"):
        async with run_counters(valkey) as shared:
            limiter, bucket = RateLimiter(shared), Bucket("a", Rate(3, 600.0))
            assert [await take(limiter, bucket), await take(limiter, bucket)] == [0.0, 0.0]
            valkey.kill()
            assert await take(limiter, bucket) == 0.0
            assert await take(limiter, bucket) > 100
            assert shared.is_up is False
            valkey.start()
            await wait_until(lambda: shared.is_up)
            assert await take(limiter, Bucket("b", Rate(3, 600.0))) == 0.0
    assert [each.partition(" (")[0] for each in lines(caplog)] == [
        "Redis does not serve",
        "Redis serves again: limits are counted together.",
    ]
    assert "127.0.0.1" not in caplog.text


async def test_a_hanging_redis_delays_no_call_and_replies_are_never_mixed_up(valkey: LocalValkey) -> None:
    async with run_counters(valkey, timeout=DEFAULT_TIMEOUT) as shared:
        await wait_until(lambda: shared.is_up)
        limiter = RateLimiter(shared)
        with valkey.freeze():
            first = await asyncio.gather(*(take(limiter, Bucket(f"k{each}", Rate(1))) for each in range(50)))
            assert set(first) == {0.0}
            assert shared.is_up is False
            assert isinstance(limiter.take(Bucket("b", Rate(1)), 1), float)
        await wait_until(lambda: shared.is_up)
        ample = [Bucket(f"c{each}", Rate(each + 1, 600.0)) for each in range(20)]
        for bucket in ample:
            await take(limiter, bucket)
            assert bucket.compute_remaining(monotonic())[0] == bucket.rate.amount - 1


async def test_a_redis_without_its_scripts_gets_them_again(valkey: LocalValkey) -> None:
    async with run_counters(valkey) as shared, Redis.from_url(valkey.url) as admin:
        limiter, bucket = RateLimiter(shared), Bucket("a", Rate(2, 600.0))
        assert await take(limiter, bucket) == 0.0
        await admin.script_flush()
        assert await take(limiter, bucket) == 0.0
        await wait_until(lambda: shared.is_up)
        assert await take(limiter, Bucket("b", Rate(1))) == 0.0


async def test_a_cancelled_caller_does_not_take_the_reply_of_another(valkey: LocalValkey) -> None:
    async with run_counters(valkey) as shared:
        limiter = RateLimiter(shared)
        leaving = asyncio.ensure_future(take(limiter, Bucket("a", Rate(1))))
        staying = asyncio.ensure_future(take(limiter, Bucket("b", Rate(1))))
        await asyncio.sleep(0)
        leaving.cancel()
        assert await staying == 0.0


async def test_a_day_has_one_limit_for_all_processes(valkey: LocalValkey) -> None:
    async with run_counters(valkey) as one, run_counters(valkey) as other:

        async def spend(shared: RedisCounters, points: int, *, day: int = 20_000, known: int = 0) -> object:
            asked = shared.spend("kios", points, day=day, limit=100, known_spent=known)
            assert asked is not None
            return await asked

        assert await spend(one, 60) == (True, 60)
        assert await spend(other, 50) == (False, 60)
        assert await spend(other, 40) == (True, 100)
        assert await spend(one, 1) == (False, 100)
        assert await spend(one, 100, day=20_001) == (True, 100)


async def test_a_redis_that_lost_a_day_learns_it_from_a_process(valkey: LocalValkey) -> None:
    async with run_counters(valkey) as shared:
        asked = shared.spend("kios", 10, day=20_000, limit=100, known_spent=85)
        assert asked is not None
        assert await asked == (True, 95)


async def test_without_redis_a_day_has_no_shared_count(valkey: LocalValkey) -> None:
    valkey.kill()
    async with run_counters(valkey) as shared:
        assert shared.spend("kios", 10, day=20_000, limit=100, known_spent=0) is None


async def test_keys_in_redis_identify_no_person_and_expire(valkey: LocalValkey) -> None:
    async with run_counters(valkey) as shared, Redis.from_url(valkey.url, decode_responses=True) as admin:
        await take(RateLimiter(shared), Bucket(KEYS("citizen", "requests", "3171014506900001"), Rate(10, 60.0)))
        asked = shared.spend("kios", 10, day=20_000, limit=100, known_spent=0)
        assert asked is not None
        await asked
        found = sorted(await admin.keys("*"))
        assert [each.rpartition(":")[0] for each in found] == [
            "simpul:v1:day:20000",
            "simpul:v1",
            "simpul:v1:rate",
        ]
        assert not any("3171014506900001" in each or "kios" in each for each in found)
        assert all([0 < await admin.ttl(each) <= 2 * 86_400 for each in found])


async def test_no_connection_to_a_missing_server_is_left(valkey: LocalValkey) -> None:
    async with run_counters(valkey) as shared:
        pool = shared._client.connection_pool
        idle = [await pool.get_connection() for _ in range(3)]  # type: ignore[no-untyped-call]  # its decorator hides its types
        for each in idle:
            await pool.release(each)
        assert [each.is_connected for each in idle] == [True] * 3
        valkey.kill()
        assert await shared.take("siti", Rate(4), 1) is None
        await wait_until(lambda: not any(each.is_connected for each in idle))
