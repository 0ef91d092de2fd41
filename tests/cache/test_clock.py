"""The age of an answer depends on a monotonic clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from cache.clock import steady
from cache.read_through import ReadThrough
from cache.redis_tier import RedisTier
from cache.slots import Slot
from tests.cache.valkey import Valkey
from tests.cache.world import Agency, PlainNames, Shared, Unsealed, chance, kind, process

NOON = 1_790_000_000.0


def one() -> Slot:
    return Slot(kind(failing=3_600.0), 1)


@dataclass
class Clocks:
    """The clocks of one machine: a monotonic one, and the time of day, which can be set."""

    steady: float = 1_000.0
    wall: float = NOON

    def pass_by(self, seconds: float) -> None:
        self.steady += seconds
        self.wall += seconds


def kept_by(clocks: Clocks, shared: Shared | None = None) -> ReadThrough:
    return process(shared, now=lambda: clocks.steady, wall=lambda: clocks.wall)


@pytest.mark.parametrize("jump", [-3_600.0, 3_600.0], ids=["back", "forth"])
async def test_a_time_of_day_that_is_set_makes_nothing_fresh_and_nothing_old(jump: float) -> None:
    slot, clocks, by = one(), Clocks(), Agency(chance(1), slowest=0.0)
    through = kept_by(clocks)
    await through.read([slot], by.answer)
    clocks.pass_by(58.0)
    clocks.wall += jump
    await through.read([slot], by.answer)
    assert len(by.asked) == 1
    clocks.pass_by(3.0)
    await through.read([slot], by.answer)
    assert len(by.asked) == 2


@pytest.mark.parametrize("jump", [-3_600.0, 0.0, 3_600.0], ids=["back", "none", "forth"])
async def test_since_when_an_old_answer_stands_is_told_by_its_age(jump: float) -> None:
    slot, clocks, by = one(), Clocks(), Agency(chance(1), slowest=0.0)
    through = kept_by(clocks)
    await through.read([slot], by.answer)
    clocks.pass_by(100.0)
    clocks.wall += jump
    by.down = True
    given = (await through.read([slot], by.answer))[slot]
    assert given.staleness is not None
    assert given.staleness.as_of.timestamp() == NOON + jump
    assert slot.kind.hits.ages.total == pytest.approx(100.0)


def test_a_hub_tells_freshness_by_the_clock_that_goes_on_while_the_machine_sleeps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    through = ReadThrough(most_bytes=1, names=PlainNames(), seals=Unsealed())
    monkeypatch.setattr(time, "time", lambda: 0.0)
    before = through.now()
    assert before <= through.now() <= before + 60
    if hasattr(time, "CLOCK_BOOTTIME"):
        monkeypatch.setattr(time, "clock_gettime", lambda clock: 7.0 if clock == time.CLOCK_BOOTTIME else 0.0)
        assert through.now() == 7.0


async def test_an_answer_from_the_future_is_not_used() -> None:
    slot, shared, by = one(), Shared(chance(1)), Agency(chance(2), slowest=0.0)
    clocks = Clocks()
    here, there = kept_by(clocks, shared), kept_by(clocks, shared)
    await here.read([slot], by.answer)
    clocks.steady -= 0.5  # clocks of two machines are never quite the same
    await there.read([slot], by.answer)
    assert len(by.asked) == 1
    clocks.steady -= 10.0
    third = kept_by(clocks, shared)
    await third.read([slot], by.answer)
    assert len(by.asked) == 2


async def test_what_processes_share_in_a_real_redis_ages_by_no_hosts_time_of_day(valkey: Valkey) -> None:
    """Two hosts; the clock of the first was set back an hour after it stored an answer, that of the second is wrong."""
    by = Agency(chance(1), slowest=0.0)
    passed = 0.0

    def here() -> float:
        return steady() + passed

    def there() -> float:
        return steady() + 86_400.0 + passed

    async def host(clock: Callable[[], float], wall: float) -> tuple[ReadThrough, RedisTier]:
        tier = RedisTier(
            valkey.url, longest=600.0, heard=lambda _tags: None, lost=lambda: None, patience=0.5, clock=clock
        )
        through = ReadThrough(
            most_bytes=1_000_000, names=PlainNames(), seals=Unsealed(), shared=tier, now=clock, wall=lambda: wall
        )
        await tier.start()
        return through, tier

    first, tier_1 = await host(here, NOON)
    second, tier_2 = await host(there, NOON - 3_600)
    try:
        slot = Slot(kind(failing=600.0), 1)
        await first.read([slot], by.answer)
        await second.read([slot], by.answer)
        assert len(by.asked) == 1
        passed = 61.0  # and Redis, which did not sleep, is behind: at the next look its clock counts as set back
        await second.read([slot], by.answer)
        assert len(by.asked) == 2
    finally:
        await asyncio.gather(first.close(), second.close())
        await asyncio.gather(tier_1.close(), tier_2.close())
