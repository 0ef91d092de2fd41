"""What all processes take of what agencies allow, in a real Valkey."""

from __future__ import annotations

from auth.rate_keys import RateKeys
from cache.agency_counts import AgencyCounts
from cache.shared import SharedCounts
from tests.cache.processes import counts
from tests.cache.valkey import Valkey

DAY = 739_000


def agency_counts(shared: SharedCounts) -> AgencyCounts:
    return AgencyCounts(shared, keyed=lambda agency: RateKeys(b"s" * 32)("agency", agency))


async def test_turns_are_shared_by_processes_and_not_by_agencies(valkey: Valkey) -> None:
    async with counts(valkey) as one, counts(valkey) as other:
        here, there = agency_counts(one), agency_counts(other)
        assert await here.turn("pangan", rate=0.01, burst=2) == 0.0
        assert await there.turn("pangan", rate=0.01, burst=2) == 0.0
        wait = await here.turn("pangan", rate=0.01, burst=2)
        assert wait is not None
        assert 90 < wait <= 100
        assert await there.turn("pbb", rate=0.01, burst=2) == 0.0


async def test_calls_of_a_day_are_reserved_once_for_all(valkey: Valkey) -> None:
    async with counts(valkey) as one, counts(valkey) as other:
        here, there = agency_counts(one), agency_counts(other)
        assert await here.reserve("pbb", 6, day=DAY, most=10, known=0) == (True, 6)
        assert await there.reserve("pbb", 6, day=DAY, most=10, known=0) == (False, 6)
        assert await there.reserve("pbb", 4, day=DAY, most=10, known=0) == (True, 10)
        assert await there.reserve("crm", 6, day=DAY, most=10, known=0) == (True, 6)
        assert await here.reserve("pbb", 6, day=DAY + 1, most=10, known=0) == (True, 6)


async def test_without_redis_nobody_counts_for_all(valkey: Valkey) -> None:
    async with counts(valkey) as one:
        here = agency_counts(one)
        valkey.kill()
        assert await here.turn("pangan", rate=1.0, burst=1) is None
        assert await here.reserve("pbb", 1, day=DAY, most=10, known=0) is None
