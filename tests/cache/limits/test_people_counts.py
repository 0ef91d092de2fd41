"""Different people that readers read: in one process, and in a real Valkey that is killed and restarted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from math import inf

import pytest
from redis.asyncio import Redis

from cache.limits.people_counts import DAY, HOUR, Charge, PeopleBudget, PeopleCounts
from cache.limits.redis_counters import RedisCounters
from tests.cache.limits.counter_processes import KEYS, run_counters
from tests.cache.valkey import LocalValkey, wait_until

TEN = PeopleBudget(hour=10, day=20)


class PeopleClock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def people(start: int, end: int) -> Sequence[bytes]:
    return [f"person {number}".encode() for number in range(start, end)]


def build_local_counts(clock: PeopleClock, *, processes: int = 1, max_people: int = 1_000) -> PeopleCounts:
    return PeopleCounts(None, make_key=KEYS, clock=clock, processes=processes, max_people=max_people)


def refused(charge: Charge) -> tuple[int, float, int, float] | None:
    over = charge.over_budget
    return None if over is None else (len(over.people), over.window, over.limit, over.wait)


async def test_beyond_the_hourly_budget_the_next_person_waits_for_the_oldest() -> None:
    clock = PeopleClock()
    counted = build_local_counts(clock)
    assert await counted.charge("r", TEN, people(0, 9)) == Charge(9)
    clock.now += 60
    assert await counted.charge("r", TEN, people(9, 10)) == Charge(1)
    assert refused(await counted.charge("r", TEN, people(10, 11))) == (1, HOUR, 10, HOUR - 60)
    assert await counted.charge("another", TEN, people(10, 11)) == Charge(1)


async def test_people_read_within_the_hour_are_free_even_beyond_the_budget() -> None:
    counted = build_local_counts(PeopleClock())
    await counted.charge("r", TEN, people(0, 10))
    assert await counted.charge("r", TEN, people(0, 10)) == Charge(0)
    over = (await counted.charge("r", TEN, people(9, 11))).over_budget
    assert over is not None
    assert over.people == frozenset(people(10, 11))


async def test_a_charge_is_counted_completely_or_not() -> None:
    counted = build_local_counts(PeopleClock())
    await counted.charge("r", TEN, people(0, 8))
    assert refused(await counted.charge("r", TEN, people(8, 11))) == (3, HOUR, 10, HOUR)
    assert await counted.charge("r", TEN, people(8, 10)) == Charge(2)
    assert refused(await counted.charge("fresh", TEN, people(0, 11))) == (11, HOUR, 10, inf)


async def test_the_hour_is_a_sliding_window() -> None:
    clock = PeopleClock()
    counted = build_local_counts(clock)
    clock.now = 3_600_000.0 - 1  # the last second of a clock hour
    await counted.charge("r", TEN, people(0, 10))
    clock.now += 2
    assert refused(await counted.charge("r", TEN, people(10, 11))) == (1, HOUR, 10, HOUR - 2)
    clock.now += HOUR - 2
    assert await counted.charge("r", TEN, people(10, 20)) == Charge(10)


async def test_the_day_counts_each_person_once() -> None:
    clock = PeopleClock()
    counted = build_local_counts(clock)
    for _ in range(5):
        assert await counted.charge("r", TEN, people(0, 10)) == Charge(10)
        clock.now += HOUR
    assert await counted.charge("r", TEN, people(10, 20)) == Charge(10)
    clock.now += HOUR
    # The first ten were read again four hours later, so they leave the day 24 hours after that.
    assert refused(await counted.charge("r", TEN, people(20, 21))) == (1, DAY, 20, DAY - 2 * HOUR)


async def test_processes_without_a_store_grant_their_share_each() -> None:
    clock = PeopleClock()
    processes = [build_local_counts(clock, processes=3) for _ in range(3)]
    granted = [
        (await each.charge("r", TEN, people(number, number + 1))).counted
        for at, each in enumerate(processes)
        for number in range(at * 10, at * 10 + 10)
    ]
    assert sum(granted) == 9


async def test_beyond_the_people_limit_the_least_recent_readers_are_evicted() -> None:
    clock = PeopleClock()
    counted = build_local_counts(clock, max_people=25)
    for reader in ("a", "b", "c"):
        await counted.charge(reader, TEN, people(0, 10))
    assert repr(counted) == "<PeopleCounts of 2 readers>"
    assert await counted.charge("c", TEN, people(0, 10)) == Charge(0)


@asynccontextmanager
async def run_process(valkey: LocalValkey, *, processes: int = 2) -> AsyncIterator[tuple[PeopleCounts, RedisCounters]]:
    async with run_counters(valkey) as shared:
        counted = PeopleCounts(shared, make_key=KEYS, processes=processes)
        yield counted, shared
        await counted.close()


async def test_processes_with_redis_grant_a_budget_once_and_refuse_alike(valkey: LocalValkey) -> None:
    async with run_process(valkey) as (one, _), run_process(valkey) as (other, _):
        assert await one.charge("r", TEN, people(0, 6)) == Charge(6)
        assert await other.charge("r", TEN, people(4, 10)) == Charge(6)  # two of them were counted before
        over = refused(await other.charge("r", TEN, people(10, 11)))
        assert over is not None
        assert over[:3] == (1, HOUR, 10)
        assert HOUR - 5 < over[3] <= HOUR
        at_one = refused(await one.charge("r", TEN, people(10, 11)))
        assert at_one is not None
        assert HOUR - 5 < at_one[3] <= HOUR
        assert refused(await one.charge("fresh", TEN, people(0, 11))) == (11, HOUR, 10, inf)


async def test_concurrent_charges_grant_exactly_the_budget(valkey: LocalValkey) -> None:
    async with run_process(valkey) as (one, _), run_process(valkey) as (other, _):
        charges = await asyncio.gather(
            *((one, other)[number % 2].charge("r", TEN, people(number, number + 1)) for number in range(100))
        )
        assert sum(each.counted for each in charges) == 10


async def test_the_day_is_counted_in_redis_too(valkey: LocalValkey) -> None:
    async with run_process(valkey) as (one, _), run_process(valkey) as (other, _):
        small = PeopleBudget(hour=10, day=10)
        assert await one.charge("r", small, people(0, 10)) == Charge(10)
        over = refused(await other.charge("r", small, people(10, 11)))
        assert over is not None
        assert over[:3] == (1, DAY, 10)


async def test_without_redis_a_process_continues_from_its_share_and_restores_redis_later(
    valkey: LocalValkey,
) -> None:
    async with run_process(valkey) as (one, at_one), run_process(valkey) as (other, at_other):
        assert await one.charge("r", TEN, people(0, 3)) == Charge(3)
        assert await other.charge("r", TEN, people(3, 4)) == Charge(1)
        valkey.kill()
        assert await other.charge("r", TEN, people(4, 7)) == Charge(3)  # its half of the six that were left
        assert refused(await other.charge("r", TEN, people(10, 11))) is not None
        assert await one.charge("r", TEN, people(7, 10)) == Charge(3)  # the last reply said that seven were left
        assert refused(await one.charge("r", TEN, people(10, 11))) is not None
        valkey.start()  # empty
        await wait_until(lambda: at_one.is_up and at_other.is_up)
        counted = Redis.from_url(valkey.url)
        key = "simpul:v1:people:r"
        async with asyncio.timeout(10):
            while await counted.zcard(key) < 10:  # noqa: ASYNC110 - what is waited for happens in a task that sets no event
                await asyncio.sleep(0.01)
        await counted.aclose()
        assert refused(await one.charge("r", TEN, people(10, 11))) is not None
        assert refused(await other.charge("r", TEN, people(11, 12))) is not None


async def test_a_redis_that_lost_its_data_is_restored_before_it_grants_anything(valkey: LocalValkey) -> None:
    async with run_process(valkey) as (one, shared):
        assert await one.charge("r", TEN, people(0, 8)) == Charge(8)
        emptied = Redis.from_url(valkey.url)
        await emptied.delete("simpul:v1:people:r")
        assert await one.charge("r", TEN, people(8, 10)) == Charge(2)
        assert await emptied.zcard("simpul:v1:people:r") == 10
        await emptied.aclose()
        assert shared.is_up


async def test_redis_holds_no_number_name_or_pseudonym_and_expires_within_a_day(valkey: LocalValkey) -> None:
    async with run_process(valkey) as (one, _):
        await one.charge("r", TEN, people(0, 2))
        looked = Redis.from_url(valkey.url)
        (key,) = await looked.keys("simpul:v1:people:*")
        members = await looked.zrange(key, 0, -1)
        assert 0 < await looked.ttl(key) <= DAY
        await looked.aclose()
        assert sorted(members) == sorted(KEYS("person", "r", each.hex()).encode() for each in people(0, 2))


@pytest.mark.parametrize("gone", [0.0, 1_800.0, 3_600.0, 90_000.0])
async def test_a_single_process_and_redis_decide_alike(valkey: LocalValkey, gone: float) -> None:
    """Members in Redis are moved back in time; the process has its own clock."""
    clock = PeopleClock()
    here = build_local_counts(clock)
    await here.charge("r", TEN, people(0, 10))
    clock.now += gone
    looked = Redis.from_url(valkey.url)
    seconds, micros = await looked.time()
    ago = seconds + micros / 1e6 - gone
    await looked.zadd("simpul:v1:people:r", {KEYS("person", "r", each.hex()): ago for each in people(0, 10)})
    await looked.aclose()
    for start, end in ((5, 12), (10, 20), (20, 30), (30, 31)):
        async with run_process(valkey) as (there, _):  # which knows nothing locally
            expected = await here.charge("r", TEN, people(start, end))
            found = await there.charge("r", TEN, people(start, end))
            assert found.counted == expected.counted
            assert (found.over_budget is None) is (expected.over_budget is None)
            if found.over_budget is not None and expected.over_budget is not None:
                assert found.over_budget[:3] == expected.over_budget[:3]
                assert (
                    found.over_budget.wait == expected.over_budget.wait
                    or abs(found.over_budget.wait - expected.over_budget.wait) < 5
                )


async def test_a_spent_budget_is_not_granted_again_without_redis(valkey: LocalValkey) -> None:
    async with run_process(valkey) as (one, _), run_process(valkey) as (other, _):
        assert await one.charge("r", TEN, people(0, 10)) == Charge(10)
        assert refused(await other.charge("r", TEN, people(10, 11))) is not None  # so it knows the reply
        valkey.kill()
        for each in (one, other):
            assert refused(await each.charge("r", TEN, people(11, 12))) is not None


async def test_a_briefly_slow_redis_is_waited_for_and_no_process_grants_alone(valkey: LocalValkey) -> None:
    async with run_counters(valkey, timeout=0.1) as at_one, run_process(valkey) as (other, _):
        one = PeopleCounts(at_one, make_key=KEYS)
        assert await other.charge("r", TEN, people(0, 10)) == Charge(10)
        with valkey.freeze():
            asking = asyncio.create_task(one.charge("r", TEN, people(10, 11)))
            await wait_until(lambda: not at_one.is_up)
        assert refused(await asking) is not None
        await one.close()


async def test_an_empty_redis_grants_nothing_before_the_others_restored_it(valkey: LocalValkey) -> None:
    async with run_process(valkey) as (one, at_one):
        async with run_process(valkey) as (gone, _):
            assert await gone.charge("r", TEN, people(0, 8)) == Charge(8)
        assert await one.charge("r", TEN, people(8, 9)) == Charge(1)  # the reply says that one is left
        valkey.kill()
        assert refused(await one.charge("r", TEN, people(10, 12))) is not None
        valkey.start()
        await wait_until(lambda: at_one.is_up)
        assert refused(await one.charge("r", TEN, people(10, 12))) is not None
