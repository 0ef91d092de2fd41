"""No invalidated answer comes back, in any order of events.

Processes read and invalidate, lose the channel and find it again; the shared tier crashes and restores an old snapshot.
Every step and every wait comes from a seed. A read that starts after an acknowledged invalidation returns the agency's
answer after the change, or nothing.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from random import Random
from secrets import randbits
from typing import Any

import pytest

from cache.answers.invalidation_epochs import NEVER_CURRENT, InvalidationEpochs
from cache.answers.read_through import ReadThroughCache
from cache.answers.slots import Slot
from tests.cache.answers.cache_world import (
    FakeSharedStore,
    FakeSharedTier,
    VersionedAgency,
    build_cache,
    build_kind,
    seeded_random,
)
from tests.fakes.virtual_loop import virtual_loop

KEYS = (1, 2, 3)
KIND = build_kind(fresh=0.4, stale_while_revalidate=0.2, stale_if_error=5.0, unknown_key_seconds=0.1)
SLOTS = {key: Slot(KIND, key) for key in KEYS}


@dataclass
class ReadObservations:
    """Values that readers received and should not have."""

    known: dict[int, int] = field(default_factory=dict)
    """By key: the version of the last change whose invalidation was acknowledged."""
    wrong: list[tuple[str, int, Any, int]] = field(default_factory=list)
    reads: int = 0
    acknowledged: int = 0


async def read_keys(
    name: str, through: ReadThroughCache, by: VersionedAgency, random: Random, observations: ReadObservations
) -> None:
    """Reads some keys concurrently."""
    keys = random.sample(KEYS, random.randint(1, len(KEYS)))
    least = {key: observations.known.get(key, 0) for key in keys}
    found = await through.read([SLOTS[key] for key in keys], by.answer, max_age=random.choice([inf] * 9 + [0.0]))
    for key in keys:
        value = found[SLOTS[key]].value
        observations.reads += 1
        if not isinstance(value, Exception) and value < least[key]:
            observations.wrong.append((name, key, value, least[key]))


async def change_key(
    through: ReadThroughCache, by: VersionedAgency, random: Random, observations: ReadObservations
) -> None:
    """Changes something at the agency, and invalidates it; repeats that until it succeeds, as a webhook would."""
    key = random.choice(KEYS)
    version = by.versions[key] = by.versions.get(key, 0) + 1
    for _ in range(20):
        if await through.invalidate([f"thing:{key}"]):
            observations.known[key] = max(observations.known.get(key, 0), version)
            observations.acknowledged += 1
            return
        await asyncio.sleep(random.uniform(0, 0.2))


async def cause_trouble(shared: FakeSharedStore, by: VersionedAgency, random: Random) -> None:
    """Causes a failure for a while."""
    member: FakeSharedTier = random.choice(shared.members)
    happens = random.choice(("lose", "crash", "save", "agency"))
    if happens == "lose":
        member.unsubscribe()
        await asyncio.sleep(random.uniform(0, 0.5))
        member.subscribe()
    elif happens == "save":
        shared.save()
    elif happens == "agency":
        by.down = True
        await asyncio.sleep(random.uniform(0, 0.3))
        by.down = False
    elif not shared.down:
        shared.crash()
        await asyncio.sleep(random.uniform(0, 0.3))
        shared.restart()
        for each in shared.members:
            await asyncio.sleep(random.uniform(0, 0.05))
            each.subscribe()


async def simulate(seed: int, steps: int, weaken: Callable[[ReadThroughCache], None]) -> ReadObservations:
    """Some seconds of three processes."""
    random, observations = seeded_random(seed), ReadObservations()
    shared, by = FakeSharedStore(seeded_random(seed + 1)), VersionedAgency(seeded_random(seed + 2), slowest=0.2)
    processes = {name: build_cache(shared) for name in ("a", "b", "c")}
    for each in processes.values():
        weaken(each)
    tasks: list[asyncio.Task[None]] = []
    for _ in range(steps):
        name = random.choice(sorted(processes))
        lot = random.random()
        work = (
            read_keys(name, processes[name], by, random, observations)
            if lot < 0.65
            else change_key(processes[name], by, random, observations)
            if lot < 0.85
            else cause_trouble(shared, by, random)
        )
        tasks.append(asyncio.create_task(work))
        await asyncio.sleep(random.uniform(0, 0.1))
    await asyncio.gather(*tasks)
    for each in processes.values():
        await each.close()
    return observations


def run_simulation(
    seed: int, steps: int = 60, weaken: Callable[[ReadThroughCache], None] = lambda _through: None
) -> ReadObservations:
    with virtual_loop() as loop:
        return loop.run(simulate(seed, steps, weaken))


def assert_simulations(count: int, steps: int) -> None:
    """The given number of runs from new seeds; `SIMPUL_TEST_SEED` starts with the seed of a failure."""
    first = int(os.environ.get("SIMPUL_TEST_SEED") or randbits(30))
    for seed in range(first, first + count):
        wrong = run_simulation(seed, steps).wrong
        assert wrong == [], f"to see it again: SIMPUL_TEST_SEED={seed} pytest {__file__}"


@pytest.mark.parametrize("seed", range(50))
def test_a_read_after_an_invalidation_never_returns_older_values(seed: int) -> None:
    assert run_simulation(seed).wrong == []


def test_a_read_after_an_invalidation_never_returns_older_values_with_new_seeds() -> None:
    assert_simulations(100, 60)


@pytest.mark.long
def test_a_read_after_an_invalidation_never_returns_older_values_five_thousand_times() -> None:
    assert_simulations(5_000, 200)


def test_the_simulation_covers_enough_events() -> None:
    results = [run_simulation(seed) for seed in range(20)]
    assert sum(each.reads for each in results) > 1_000
    assert sum(each.acknowledged for each in results) > 150


class BlindEpochs(InvalidationEpochs):
    """Treats every snapshot as current."""

    __slots__ = ()

    def is_current(self, tags: Any, snapshot: Any) -> bool:  # noqa: ANN401, ARG002 - as InvalidationEpochs
        return bool(snapshot != NEVER_CURRENT)


def _disable_epochs(through: ReadThroughCache) -> None:
    through.epochs = through.tier._epochs = BlindEpochs()


class AlwaysSubscribed(ReadThroughCache):
    """Always claims to be subscribed."""

    may_miss_invalidations = False


def _disable_subscription_check(through: ReadThroughCache) -> None:
    through.__class__ = AlwaysSubscribed


@pytest.mark.parametrize(
    "weaken", [_disable_epochs, _disable_subscription_check], ids=["no epochs", "always subscribed"]
)
def test_a_planted_fault_is_found(weaken: Callable[[ReadThroughCache], None]) -> None:
    assert any(run_simulation(seed, weaken=weaken).wrong for seed in range(60))
