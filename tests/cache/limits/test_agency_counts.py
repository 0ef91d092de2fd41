"""Agency limits shared by all processes, in a real Valkey."""

from __future__ import annotations

from auth.crypto.rate_keys import RateKeys
from cache.limits.agency_counts import AgencyCounts
from cache.limits.redis_counters import RedisCounters
from tests.cache.limits.counter_processes import run_counters
from tests.cache.valkey import LocalValkey

DAY = 739_000


def agency_counts(shared: RedisCounters) -> AgencyCounts:
    return AgencyCounts(shared, make_key=lambda agency: RateKeys(b"s" * 32)("agency", agency))


async def test_rate_permits_are_shared_by_processes_and_not_by_agencies(valkey: LocalValkey) -> None:
    async with run_counters(valkey) as one, run_counters(valkey) as other:
        here, there = agency_counts(one), agency_counts(other)
        assert await here.acquire_rate("pangan", rate=0.01, burst=2) == 0.0
        assert await there.acquire_rate("pangan", rate=0.01, burst=2) == 0.0
        wait = await here.acquire_rate("pangan", rate=0.01, burst=2)
        assert wait is not None
        assert 90 < wait <= 100
        assert await there.acquire_rate("pbb", rate=0.01, burst=2) == 0.0


async def test_daily_calls_are_reserved_once_for_all_processes(valkey: LocalValkey) -> None:
    async with run_counters(valkey) as one, run_counters(valkey) as other:
        here, there = agency_counts(one), agency_counts(other)
        assert await here.reserve("pbb", 6, day=DAY, limit=10, known_spent=0) == (True, 6)
        assert await there.reserve("pbb", 6, day=DAY, limit=10, known_spent=0) == (False, 6)
        assert await there.reserve("pbb", 4, day=DAY, limit=10, known_spent=0) == (True, 10)
        assert await there.reserve("crm", 6, day=DAY, limit=10, known_spent=0) == (True, 6)
        assert await here.reserve("pbb", 6, day=DAY + 1, limit=10, known_spent=0) == (True, 6)


async def test_without_redis_there_is_no_shared_count(valkey: LocalValkey) -> None:
    async with run_counters(valkey) as one:
        here = agency_counts(one)
        valkey.kill()
        assert await here.acquire_rate("pangan", rate=1.0, burst=1) is None
        assert await here.reserve("pbb", 1, day=DAY, limit=10, known_spent=0) is None
