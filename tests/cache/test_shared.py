"""What processes count together, in a real Valkey that is killed, frozen and brought back."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic

import pytest
from redis.asyncio import Redis

from cache.rates import Bucket, Rate, Rates
from cache.shared import PATIENCE, SharedCounts
from tests.cache.processes import KEYS, counts, until
from tests.cache.valkey import Valkey

SLACK = 1.0
"""Seconds that a busy machine may add to what is waited for."""


async def taken(rates: Rates, bucket: Bucket, cost: int = 1) -> float:
    waiting = rates.take(bucket, cost)
    return waiting if isinstance(waiting, float) else await waiting


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.message for each in caplog.records if each.name == "simpul.limits"]


async def test_two_processes_take_of_the_same_rate(valkey: Valkey) -> None:
    async with counts(valkey) as one, counts(valkey) as other:
        here, there = Rates(one), Rates(other)
        rate = Rate(4, 600.0)
        at_one, at_other = Bucket("siti", rate), Bucket("siti", rate)
        assert [await taken(here, at_one), await taken(there, at_other)] == [0.0, 0.0]
        assert [await taken(here, at_one), await taken(there, at_other)] == [0.0, 0.0]
        assert 140 < await taken(here, at_one) <= 150
        assert 140 < await taken(there, at_other) <= 150
        assert (at_one.left(monotonic())[0], at_other.left(monotonic())[0]) == (0, 0)
        assert await taken(there, Bucket("budi", rate)) == 0.0


async def test_of_many_who_ask_at_once_exactly_as_many_pass_as_may(valkey: Valkey) -> None:
    async with counts(valkey) as one, counts(valkey) as other:
        rate = Rate(100, 6000.0)
        pairs = [(Rates(each), Bucket("many", rate)) for each in (one, other)]
        answers = await asyncio.gather(*(taken(*pairs[number % 2]) for number in range(600)))
        assert sum(each == 0.0 for each in answers) == 100


async def test_what_a_process_knows_to_be_too_much_is_refused_without_a_question(valkey: Valkey) -> None:
    async with counts(valkey) as shared:
        rates, bucket = Rates(shared), Bucket("a", Rate(1, 600.0))
        assert await taken(rates, bucket) == 0.0
        assert isinstance(rates.take(bucket, 1), float)


async def test_without_redis_from_the_start_the_hub_counts_alone_and_joins_when_it_comes(
    valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    valkey.kill()
    with caplog.at_level(logging.INFO, "simpul.limits"):
        async with counts(valkey) as shared:
            rates, bucket = Rates(shared), Bucket("a", Rate(2, 600.0))
            assert shared.up is False
            assert [await taken(rates, bucket) for _ in range(3)][:2] == [0.0, 0.0]
            valkey.start()
            await until(lambda: shared.up)
            assert repr(shared) == "<SharedCounts up>"
    assert lines(caplog) == [
        "Redis does not serve (ConnectionError): limits are counted in each process alone until it does.",
        "Redis serves again: limits are counted together.",
    ]


async def test_redis_that_is_killed_costs_nobody_an_answer_and_counting_goes_on_from_what_was_known(
    valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "simpul.limits"):
        async with counts(valkey) as shared:
            rates, bucket = Rates(shared), Bucket("a", Rate(3, 600.0))
            assert [await taken(rates, bucket), await taken(rates, bucket)] == [0.0, 0.0]
            valkey.kill()
            assert await taken(rates, bucket) == 0.0
            assert await taken(rates, bucket) > 100
            assert shared.up is False
            valkey.start()
            await until(lambda: shared.up)
            assert await taken(rates, Bucket("b", Rate(3, 600.0))) == 0.0
    assert [each.partition(" (")[0] for each in lines(caplog)] == [
        "Redis does not serve",
        "Redis serves again: limits are counted together.",
    ]
    assert "127.0.0.1" not in caplog.text


async def test_redis_that_hangs_holds_nobody_up_and_answers_are_never_mixed_up_afterwards(valkey: Valkey) -> None:
    async with counts(valkey, patience=PATIENCE) as shared:
        await until(lambda: shared.up)
        rates = Rates(shared)
        with valkey.frozen():
            began = monotonic()
            first = await asyncio.gather(*(taken(rates, Bucket(f"k{each}", Rate(1))) for each in range(50)))
            assert monotonic() - began < PATIENCE + SLACK
            assert set(first) == {0.0}
            assert shared.up is False
            assert isinstance(rates.take(Bucket("b", Rate(1)), 1), float)
        await until(lambda: shared.up)
        ample = [Bucket(f"c{each}", Rate(each + 1, 600.0)) for each in range(20)]
        for bucket in ample:
            await taken(rates, bucket)
            assert bucket.left(monotonic())[0] == bucket.rate.amount - 1


async def test_redis_that_forgot_its_scripts_learns_them_again(valkey: Valkey) -> None:
    async with counts(valkey) as shared, Redis.from_url(valkey.url) as admin:
        rates, bucket = Rates(shared), Bucket("a", Rate(2, 600.0))
        assert await taken(rates, bucket) == 0.0
        await admin.script_flush()
        assert await taken(rates, bucket) == 0.0
        await until(lambda: shared.up)
        assert await taken(rates, Bucket("b", Rate(1))) == 0.0


async def test_who_asks_and_leaves_takes_nobody_elses_answer(valkey: Valkey) -> None:
    async with counts(valkey) as shared:
        rates = Rates(shared)
        leaving = asyncio.ensure_future(taken(rates, Bucket("a", Rate(1))))
        staying = asyncio.ensure_future(taken(rates, Bucket("b", Rate(1))))
        await asyncio.sleep(0)
        leaving.cancel()
        assert await staying == 0.0


async def test_a_day_holds_so_many_points_for_all_processes(valkey: Valkey) -> None:
    async with counts(valkey) as one, counts(valkey) as other:

        async def spend(shared: SharedCounts, points: int, *, day: int = 20_000, known: int = 0) -> object:
            asked = shared.spend("kios", points, day=day, most=100, known=known)
            assert asked is not None
            return await asked

        assert await spend(one, 60) == (True, 60)
        assert await spend(other, 50) == (False, 60)
        assert await spend(other, 40) == (True, 100)
        assert await spend(one, 1) == (False, 100)
        assert await spend(one, 100, day=20_001) == (True, 100)


async def test_redis_that_lost_a_day_learns_it_from_whoever_knows(valkey: Valkey) -> None:
    async with counts(valkey) as shared:
        asked = shared.spend("kios", 10, day=20_000, most=100, known=85)
        assert asked is not None
        assert await asked == (True, 95)


async def test_without_redis_nobody_is_asked_about_a_day(valkey: Valkey) -> None:
    valkey.kill()
    async with counts(valkey) as shared:
        assert shared.spend("kios", 10, day=20_000, most=100, known=0) is None


async def test_what_is_kept_names_nobody_and_goes_by_itself(valkey: Valkey) -> None:
    async with counts(valkey) as shared, Redis.from_url(valkey.url, decode_responses=True) as admin:
        await taken(Rates(shared), Bucket(KEYS("citizen", "requests", "3171014506900001"), Rate(10, 60.0)))
        asked = shared.spend("kios", 10, day=20_000, most=100, known=0)
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


async def test_of_a_server_that_is_gone_no_connection_is_left(valkey: Valkey) -> None:
    async with counts(valkey) as shared:
        pool = shared._client.connection_pool
        idle = [await pool.get_connection() for _ in range(3)]  # type: ignore[no-untyped-call]  # its decorator hides its types
        for each in idle:
            await pool.release(each)
        assert [each.is_connected for each in idle] == [True] * 3
        valkey.kill()
        assert await shared.take("siti", Rate(4), 1) is None
        await until(lambda: not any(each.is_connected for each in idle))
