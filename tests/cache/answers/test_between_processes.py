"""Processes that share the cache: a channel lost during a fetch, leases, public answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cache.answers.read_through import ReadThroughCache
from cache.answers.slots import Slot
from records.calls.failures import AgencyUnavailable
from tests.cache.answers.cache_world import (
    FakeSharedStore,
    VersionedAgency,
    build_cache,
    build_kind,
    run_scenario,
    seeded_random,
)

PERSONAL = Slot(build_kind(), 1)
PUBLIC = Slot(build_kind("public", is_personal=False), 1)


async def read_value(through: ReadThroughCache, by: VersionedAgency, slot: Slot) -> Any:  # noqa: ANN401 - a number or a failure
    return (await through.read([slot], by.answer))[slot].value


class HeldAgency(VersionedAgency):
    """An agency that answers, on release, with what it knew at the time of the call."""

    def __init__(self) -> None:
        super().__init__(seeded_random(1), slowest=0.0)
        self.go = asyncio.Event()

    async def answer(self, slots: Any, in_background: bool) -> Any:  # noqa: ANN401, FBT001 - as Agency
        found = await super().answer(slots, in_background)
        await self.go.wait()
        return found


def test_a_process_without_its_channel_does_not_join_a_running_fetch_of_personal_answers() -> None:
    async def scenario() -> None:
        shared, old, new = (
            FakeSharedStore(seeded_random(3)),
            HeldAgency(),
            VersionedAgency(seeded_random(2), versions={1: 7}, slowest=0.0),
        )
        here, there = build_cache(shared), build_cache(shared)
        first = asyncio.create_task(read_value(there, old, PERSONAL))
        await old.was_asked.wait()
        shared.members[1].is_subscribed = False  # the process has not noticed, and receives nothing any more
        assert await here.invalidate(["thing:1"])
        assert await read_value(there, new, PERSONAL) == 7
        assert new.asked == [(1,)]
        old.go.set()
        assert await first == 0

    run_scenario(scenario)


def test_a_process_without_its_channel_joins_a_fetch_of_public_answers() -> None:
    async def scenario() -> None:
        shared, by, other = (
            FakeSharedStore(seeded_random(3)),
            HeldAgency(),
            VersionedAgency(seeded_random(2), slowest=0.0),
        )
        there = build_cache(shared)
        first = asyncio.create_task(read_value(there, by, PUBLIC))
        await by.was_asked.wait()
        shared.members[0].is_subscribed = False
        second = asyncio.create_task(read_value(there, other, PUBLIC))
        await asyncio.sleep(0)
        by.go.set()
        assert [await first, await second] == [0, 0]
        assert other.asked == []

    run_scenario(scenario)


def test_a_fetch_with_any_personal_answer_counts_as_personal() -> None:
    async def scenario() -> None:
        shared, by, other = (
            FakeSharedStore(seeded_random(3)),
            HeldAgency(),
            VersionedAgency(seeded_random(2), slowest=0.0),
        )
        there = build_cache(shared)
        first = asyncio.create_task(there.read([PUBLIC, PERSONAL], by.answer))
        await by.was_asked.wait()
        shared.members[0].is_subscribed = False
        assert await read_value(there, other, PUBLIC) == 0
        assert other.asked == [(1,)]
        by.go.set()
        await first

    run_scenario(scenario)


def test_public_answers_of_one_process_are_served_in_all_without_another_call() -> None:
    async def scenario() -> None:
        shared, by = FakeSharedStore(seeded_random(3)), VersionedAgency(seeded_random(2), versions={1: 7}, slowest=0.0)
        here, there = build_cache(shared), build_cache(shared)
        assert await read_value(here, by, PUBLIC) == 7
        by.versions[1] = 8
        assert await read_value(there, by, PUBLIC) == 7
        assert by.asked == [(1,)]
        assert PUBLIC.kind.hits.shared == 1

    run_scenario(scenario)


def test_only_personal_answers_are_sealed_in_the_shared_tier() -> None:
    async def scenario() -> None:
        shared, by = FakeSharedStore(seeded_random(3)), VersionedAgency(seeded_random(2), versions={1: 7}, slowest=0.0)
        here = build_cache(shared)
        await here.read([PUBLIC, PERSONAL], by.answer)
        bodies = {name: body for name, (_, body, _, _) in shared.entries.items()}
        assert bodies == {"0:public:1": b"7", "0:things:1": b"things:1\0" + b"7"}

    run_scenario(scenario)


def test_a_lease_ends_with_the_fetch_after_an_answer_a_failure_or_a_cancellation() -> None:
    async def scenario() -> None:
        shared, by, held = (
            FakeSharedStore(seeded_random(3)),
            VersionedAgency(seeded_random(2), slowest=0.0),
            HeldAgency(),
        )
        here, there = build_cache(shared), build_cache(shared)
        await read_value(here, by, PERSONAL)
        assert shared.leases == {}
        by.down = True
        other = Slot(build_kind("others"), 2)
        assert isinstance(await read_value(here, by, other), AgencyUnavailable)
        assert shared.leases == {}
        third = asyncio.create_task(read_value(here, held, Slot(build_kind("third"), 3)))
        await held.was_asked.wait()
        assert list(shared.leases) == ["0:third:3"]
        await here.close()
        await asyncio.gather(third, return_exceptions=True)
        assert shared.leases == {}
        # So another process that asks right after a failure does not wait.
        by.down = False
        began = asyncio.get_running_loop().time()
        assert await read_value(there, by, other) == 0
        assert asyncio.get_running_loop().time() - began < 0.5

    run_scenario(scenario)


def test_a_process_that_waits_for_another_gets_its_answer_promptly() -> None:
    async def scenario() -> None:
        shared, held, never = (
            FakeSharedStore(seeded_random(3)),
            HeldAgency(),
            VersionedAgency(seeded_random(2), slowest=0.0),
        )
        here, there = build_cache(shared), build_cache(shared)
        first = asyncio.create_task(read_value(here, held, PUBLIC))
        await held.was_asked.wait()
        second = asyncio.create_task(read_value(there, never, PUBLIC))
        await asyncio.sleep(1)
        held.go.set()
        began = asyncio.get_running_loop().time()
        assert [await first, await second] == [0, 0]
        assert asyncio.get_running_loop().time() - began < 0.3
        assert never.asked == []

    run_scenario(scenario)


@pytest.mark.parametrize("seed", range(300))
def test_two_processes_that_miss_the_same_key_at_any_moments_ask_the_agency_once(seed: int) -> None:
    """The lookup of one may come before the other stores its answer, and its lease after the end of the other's."""

    async def scenario() -> None:
        random = seeded_random(seed)
        shared, by = FakeSharedStore(random), VersionedAgency(random, versions={1: 7})

        async def read_later(process: ReadThroughCache) -> Any:  # noqa: ANN401 - a number or a failure
            await asyncio.sleep(random.uniform(0, 0.15))
            return await read_value(process, by, PUBLIC)

        assert await asyncio.gather(*(read_later(build_cache(shared)) for _ in range(2))) == [7, 7]
        assert by.asked == [(1,)]
        assert shared.leases == {}

    run_scenario(scenario)
