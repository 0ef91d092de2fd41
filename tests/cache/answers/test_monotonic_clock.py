"""The age of an answer depends on a monotonic clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from cache.answers.monotonic_clock import get_monotonic_seconds
from cache.answers.read_through import ReadThroughCache
from cache.answers.redis_tier import RedisTier
from cache.answers.slots import Slot
from tests.cache.answers.cache_world import (
    FakeSharedStore,
    PlainKeyBuilder,
    PlainSealer,
    VersionedAgency,
    build_cache,
    build_kind,
    seeded_random,
)
from tests.cache.valkey import LocalValkey

NOON = 1_790_000_000.0


def read_one() -> Slot:
    return Slot(build_kind(stale_if_error=3_600.0), 1)


@dataclass
class MachineClocks:
    """The clocks of one machine: a monotonic one, and the time of day, which can be set."""

    steady: float = 1_000.0
    wall: float = NOON

    def pass_by(self, seconds: float) -> None:
        self.steady += seconds
        self.wall += seconds


def build_cache_with_clocks(clocks: MachineClocks, shared: FakeSharedStore | None = None) -> ReadThroughCache:
    return build_cache(shared, clock=lambda: clocks.steady, wall_clock=lambda: clocks.wall)


@pytest.mark.parametrize("jump", [-3_600.0, 3_600.0], ids=["back", "forth"])
async def test_setting_the_time_of_day_does_not_change_freshness(jump: float) -> None:
    slot, clocks, by = read_one(), MachineClocks(), VersionedAgency(seeded_random(1), slowest=0.0)
    through = build_cache_with_clocks(clocks)
    await through.read([slot], by.answer)
    clocks.pass_by(58.0)
    clocks.wall += jump
    await through.read([slot], by.answer)
    assert len(by.asked) == 1
    clocks.pass_by(3.0)
    await through.read([slot], by.answer)
    assert len(by.asked) == 2


@pytest.mark.parametrize("jump", [-3_600.0, 0.0, 3_600.0], ids=["back", "none", "forth"])
async def test_the_time_of_a_stale_answer_is_computed_from_its_age(jump: float) -> None:
    slot, clocks, by = read_one(), MachineClocks(), VersionedAgency(seeded_random(1), slowest=0.0)
    through = build_cache_with_clocks(clocks)
    await through.read([slot], by.answer)
    clocks.pass_by(100.0)
    clocks.wall += jump
    by.down = True
    given = (await through.read([slot], by.answer))[slot]
    assert given.staleness is not None
    assert given.staleness.as_of.timestamp() == NOON + jump
    assert slot.kind.hits.ages.total == pytest.approx(100.0)


def test_freshness_uses_the_clock_that_includes_sleep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    through = ReadThroughCache(max_bytes=1, key_builder=PlainKeyBuilder(), sealer=PlainSealer())
    monkeypatch.setattr(time, "time", lambda: 0.0)
    before = through.clock()
    assert before <= through.clock() <= before + 60
    if hasattr(time, "CLOCK_BOOTTIME"):
        monkeypatch.setattr(time, "clock_gettime", lambda clock: 7.0 if clock == time.CLOCK_BOOTTIME else 0.0)
        assert through.clock() == 7.0


async def test_an_answer_from_the_future_is_not_used() -> None:
    slot, shared, by = read_one(), FakeSharedStore(seeded_random(1)), VersionedAgency(seeded_random(2), slowest=0.0)
    clocks = MachineClocks()
    here, there = build_cache_with_clocks(clocks, shared), build_cache_with_clocks(clocks, shared)
    await here.read([slot], by.answer)
    clocks.steady -= 0.5  # clocks of two machines always differ a little
    await there.read([slot], by.answer)
    assert len(by.asked) == 1
    clocks.steady -= 10.0
    third = build_cache_with_clocks(clocks, shared)
    await third.read([slot], by.answer)
    assert len(by.asked) == 2


async def test_entries_in_a_real_redis_age_independently_of_hosts_clocks(valkey: LocalValkey) -> None:
    """Two hosts with wrong clocks: the first is set back an hour after it stored an answer."""
    by = VersionedAgency(seeded_random(1), slowest=0.0)
    passed = 0.0

    def here() -> float:
        return get_monotonic_seconds() + passed

    def there() -> float:
        return get_monotonic_seconds() + 86_400.0 + passed

    async def host(clock: Callable[[], float], wall: float) -> tuple[ReadThroughCache, RedisTier]:
        tier = RedisTier(
            valkey.url,
            max_lifetime=600.0,
            on_invalidated=lambda _tags: None,
            on_unsubscribed=lambda: None,
            timeout=0.5,
            clock=clock,
        )
        through = ReadThroughCache(
            max_bytes=1_000_000,
            key_builder=PlainKeyBuilder(),
            sealer=PlainSealer(),
            shared=tier,
            clock=clock,
            wall_clock=lambda: wall,
        )
        await tier.start()
        return through, tier

    first, tier_1 = await host(here, NOON)
    second, tier_2 = await host(there, NOON - 3_600)
    try:
        slot = Slot(build_kind(stale_if_error=600.0), 1)
        await first.read([slot], by.answer)
        await second.read([slot], by.answer)
        assert len(by.asked) == 1
        passed = 61.0  # Redis did not sleep, so it is behind: the next measurement sees its clock set back
        await second.read([slot], by.answer)
        assert len(by.asked) == 2
    finally:
        await asyncio.gather(first.close(), second.close())
        await asyncio.gather(tier_1.close(), tier_2.close())
