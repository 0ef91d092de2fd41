"""Nothing that was invalidated comes back, whatever happens in which order.

Processes read and invalidate, lose the channel and find it again, what they share crashes and comes back with what an
old snapshot held; every step and every wait is drawn from a seed. Whoever begins to read after an invalidation was
acknowledged gets what the agency said after the change, or nothing.
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

from cache.fences import NEVER, Fences
from cache.read_through import ReadThrough
from cache.slots import Slot
from tests.cache.world import Agency, Member, Shared, chance, kind, process
from tests.engine.plan.clock import virtual_loop

KEYS = (1, 2, 3)
KIND = kind(fresh=0.4, revalidating=0.2, failing=5.0, absent=0.1)
SLOTS = {key: Slot(KIND, key) for key in KEYS}


@dataclass
class Told:
    """What readers were told that they should not have been."""

    known: dict[int, int] = field(default_factory=dict)
    """By key: the version of the last change whose invalidation was acknowledged."""
    wrong: list[tuple[str, int, Any, int]] = field(default_factory=list)
    reads: int = 0
    acknowledged: int = 0


async def reads(name: str, through: ReadThrough, by: Agency, random: Random, told: Told) -> None:
    """Read some keys at once."""
    keys = random.sample(KEYS, random.randint(1, len(KEYS)))
    least = {key: told.known.get(key, 0) for key in keys}
    found = await through.read([SLOTS[key] for key in keys], by.answer, at_most_old=random.choice([inf] * 9 + [0.0]))
    for key in keys:
        value = found[SLOTS[key]].value
        told.reads += 1
        if not isinstance(value, Exception) and value < least[key]:
            told.wrong.append((name, key, value, least[key]))


async def changes(through: ReadThrough, by: Agency, random: Random, told: Told) -> None:
    """The agency changes something, then says so; who is not heard says it again later, as a webhook would."""
    key = random.choice(KEYS)
    version = by.versions[key] = by.versions.get(key, 0) + 1
    for _ in range(20):
        if await through.invalidate([f"thing:{key}"]):
            told.known[key] = max(told.known.get(key, 0), version)
            told.acknowledged += 1
            return
        await asyncio.sleep(random.uniform(0, 0.2))


async def unhappily(shared: Shared, by: Agency, random: Random) -> None:
    """Something goes wrong, for a while."""
    member: Member = random.choice(shared.members)
    happens = random.choice(("lose", "crash", "save", "agency"))
    if happens == "lose":
        member.lose()
        await asyncio.sleep(random.uniform(0, 0.5))
        member.follow()
    elif happens == "save":
        shared.save()
    elif happens == "agency":
        by.down = True
        await asyncio.sleep(random.uniform(0, 0.3))
        by.down = False
    elif not shared.down:
        shared.crash()
        await asyncio.sleep(random.uniform(0, 0.3))
        shared.come_back()
        for each in shared.members:
            await asyncio.sleep(random.uniform(0, 0.05))
            each.follow()


async def lived(seed: int, steps: int, weaken: Callable[[ReadThrough], None]) -> Told:
    """Some seconds of three processes."""
    random, told = chance(seed), Told()
    shared, by = Shared(chance(seed + 1)), Agency(chance(seed + 2), slowest=0.2)
    processes = {name: process(shared) for name in ("a", "b", "c")}
    for each in processes.values():
        weaken(each)
    under_way: list[asyncio.Task[None]] = []
    for _ in range(steps):
        name = random.choice(sorted(processes))
        lot = random.random()
        work = (
            reads(name, processes[name], by, random, told)
            if lot < 0.65
            else changes(processes[name], by, random, told)
            if lot < 0.85
            else unhappily(shared, by, random)
        )
        under_way.append(asyncio.create_task(work))
        await asyncio.sleep(random.uniform(0, 0.1))
    await asyncio.gather(*under_way)
    for each in processes.values():
        await each.close()
    return told


def life(seed: int, steps: int = 60, weaken: Callable[[ReadThrough], None] = lambda _through: None) -> Told:
    with virtual_loop() as loop:
        return loop.run(lived(seed, steps, weaken))


def assert_lives(count: int, steps: int) -> None:
    """The given number of runs from new seeds; `SIMPUL_TEST_SEED` starts with the seed of a failure."""
    first = int(os.environ.get("SIMPUL_TEST_SEED") or randbits(30))
    for seed in range(first, first + count):
        wrong = life(seed, steps).wrong
        assert wrong == [], f"to see it again: SIMPUL_TEST_SEED={seed} pytest {__file__}"


@pytest.mark.parametrize("seed", range(50))
def test_whoever_asks_after_an_invalidation_is_never_told_what_was_before(seed: int) -> None:
    assert life(seed).wrong == []


def test_nor_in_lives_that_nobody_has_tried_before() -> None:
    assert_lives(100, 60)


@pytest.mark.long
def test_the_same_five_thousand_times() -> None:
    assert_lives(5_000, 200)


def test_the_world_is_lively_enough_to_mean_something() -> None:
    told = [life(seed) for seed in range(20)]
    assert sum(each.reads for each in told) > 1_000
    assert sum(each.acknowledged for each in told) > 150


class Forgetful(Fences):
    """Believes every mark."""

    __slots__ = ()

    def holds(self, tags: Any, mark: Any) -> bool:  # noqa: ANN401, ARG002 - as Fences
        return bool(mark != NEVER)


def _without_fences(through: ReadThrough) -> None:
    through.fences = through.tier._fences = Forgetful()


class NeverDeaf(ReadThrough):
    """Never asks whether it hears what others invalidate."""

    _deaf = False


def _always_following(through: ReadThrough) -> None:
    through.__class__ = NeverDeaf


@pytest.mark.parametrize("weaken", [_without_fences, _always_following], ids=["no fences", "never deaf"])
def test_a_planted_fault_is_found(weaken: Callable[[ReadThrough], None]) -> None:
    assert any(life(seed, weaken=weaken).wrong for seed in range(60))
