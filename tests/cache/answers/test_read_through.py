"""The read-through cache: what is fetched, what is returned, and when no old answer may be."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cache.answers.slots import Slot
from records.calls.failures import AgencyUnavailable
from tests.cache.answers.cache_world import (
    ONE,
    THINGS,
    THREE,
    TWO,
    FakeSharedStore,
    build_agency,
    build_cache,
    build_kind,
    read_values,
    run_scenario,
    seeded_random,
)


def test_fresh_answers_are_fetched_once_and_only_missing_keys_go_to_the_agency() -> None:
    async def scenario() -> None:
        through, by = build_cache(), build_agency()
        await read_values(through, by, ONE, TWO)
        by.versions[1] = 7
        assert await read_values(through, by, ONE, TWO, THREE) == [0, 0, 0]
        assert by.asked == [(1, 2), (3,)]

    run_scenario(scenario)


def test_an_answer_that_is_no_longer_fresh_is_fetched_again() -> None:
    async def scenario() -> None:
        through, by = build_cache(), build_agency()
        await read_values(through, by, ONE)
        by.versions[1] = 7
        await asyncio.sleep(61)
        assert await read_values(through, by, ONE) == [7]

    run_scenario(scenario)


def test_an_answer_that_may_not_last_is_given_once_and_fetched_again() -> None:
    async def scenario() -> None:
        through, by = build_cache(), build_agency()
        slot = Slot(build_kind(is_lasting=lambda value: value > 0), 1)
        [first] = (await through.read([slot], by.answer)).values()
        assert (first.value, first.fresh_until) == (0, first.fetched_at)
        by.versions[1] = 7
        assert [each.value for each in (await through.read([slot], by.answer)).values()] == [7]
        by.versions[1] = 0
        assert [each.value for each in (await through.read([slot], by.answer)).values()] == [7]

    run_scenario(scenario)


def test_during_revalidation_the_stale_answer_is_served_immediately_and_marked() -> None:
    async def scenario() -> None:
        through, by = build_cache(), build_agency()
        slot = Slot(build_kind(stale_while_revalidate=30.0), 1)
        await read_values(through, by, slot)
        by.versions[1] = 7
        await asyncio.sleep(61)
        (given,) = (await through.read([slot], by.answer)).values()
        assert given.value == 0
        assert given.staleness is not None
        assert given.staleness.reason == "revalidating"
        await asyncio.sleep(1)
        assert await read_values(through, by, slot) == [7]
        assert len(by.asked) == 2

    run_scenario(scenario)


@pytest.mark.parametrize(("later", "given"), [(3_000, 0), (3_700, AgencyUnavailable)])
def test_if_the_agency_fails_the_stale_answer_is_served_until_stale_if_error_ends(later: float, given: Any) -> None:  # noqa: ANN401 - a number or a failure
    async def scenario() -> None:
        through, by = build_cache(), build_agency()
        slot = Slot(build_kind(stale_if_error=3_600.0), 1)
        await read_values(through, by, slot)
        by.down = True
        await asyncio.sleep(later)
        (found,) = (await through.read([slot], by.answer)).values()
        if given == 0:
            assert found.value == 0
            assert found.staleness is not None
            assert found.staleness.reason == "AGENCY_UNAVAILABLE"
        else:
            assert isinstance(found.value, given)

    run_scenario(scenario)


def test_an_unknown_key_is_cached_for_its_own_lifetime() -> None:
    async def scenario() -> None:
        through, asked = build_cache(), []
        slot = Slot(build_kind(unknown_key_seconds=10.0), 1)

        async def nothing(slots: Any, _background: bool) -> dict[Slot, Any]:  # noqa: ANN401, FBT001 - see `Fetch`
            asked.append(slots)
            return {}

        for wait, times in ((0, 1), (5, 1), (6, 2)):
            await asyncio.sleep(wait)
            (given,) = (await through.read([slot], nothing)).values()
            assert given.value is None
            assert len(asked) == times

    run_scenario(scenario)


def test_failures_are_never_cached() -> None:
    async def scenario() -> None:
        through, by = build_cache(), build_agency(down=True)
        assert isinstance((await read_values(through, by, ONE))[0], AgencyUnavailable)
        by.down = False
        assert await read_values(through, by, ONE) == [0]

    run_scenario(scenario)


@pytest.mark.parametrize("count", [1, 4], ids=["one process", "four processes"])
def test_many_concurrent_reads_of_the_same_cold_key_are_one_call(count: int) -> None:
    async def scenario() -> None:
        shared, by = FakeSharedStore(seeded_random(3)), build_agency()
        processes = [build_cache(shared) for _ in range(count)]
        found = await asyncio.gather(*(read_values(each, by, ONE) for each in processes for _ in range(64 // count)))
        assert found == [[0]] * 64
        assert by.asked == [(1,)]

    run_scenario(scenario)


def test_a_process_that_dies_during_a_fetch_delays_others_for_its_lease_only() -> None:
    async def scenario() -> None:
        shared, by = FakeSharedStore(seeded_random(3)), build_agency()
        dying, other = build_cache(shared), build_cache(shared)
        shared.leases["0:things:1"] = (dying, 6.0)
        assert await read_values(other, by, ONE) == [0]
        assert 6.0 < asyncio.get_running_loop().time() < 6.5

    run_scenario(scenario)


def test_a_cancelled_caller_does_not_cancel_the_fetch_of_others() -> None:
    async def scenario() -> None:
        through, by = build_cache(), build_agency()
        first = asyncio.create_task(read_values(through, by, ONE))
        second = asyncio.create_task(read_values(through, by, ONE))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == [0]
        assert by.asked == [(1,)]

    run_scenario(scenario)


def test_a_fetch_begun_before_an_invalidation_serves_no_later_read() -> None:
    async def scenario() -> None:
        through, by = build_cache(), build_agency(slowest=10.0)
        before = asyncio.create_task(read_values(through, by, ONE))
        await asyncio.sleep(0)
        await by.was_asked.wait()
        await through.invalidate(["thing:1"])
        by.versions[1] = 7
        after = asyncio.create_task(read_values(through, by, ONE))
        await before
        assert await after == [7]
        assert await read_values(through, by, ONE) == [7]
        assert by.asked == [(1,), (1,)]

    run_scenario(scenario)


def test_an_invalidation_affects_all_processes_and_only_its_tags() -> None:
    async def scenario() -> None:
        shared, by = FakeSharedStore(seeded_random(3)), build_agency()
        here, there = build_cache(shared), build_cache(shared)
        await read_values(here, by, ONE, TWO)
        await read_values(there, by, ONE, TWO)
        by.versions.update({1: 7, 2: 7})
        assert await here.invalidate(["thing:1"])
        assert await read_values(there, by, ONE, TWO) == [7, 0]
        assert by.asked == [(1, 2), (1,)]

    run_scenario(scenario)


def test_an_unsubscribed_process_does_not_use_its_own_cache() -> None:
    async def scenario() -> None:
        shared, by = FakeSharedStore(seeded_random(3)), build_agency()
        here, there = build_cache(shared), build_cache(shared)
        await read_values(there, by, ONE)
        member = shared.members[1]
        member.is_subscribed = False
        by.versions[1] = 7
        await here.invalidate(["thing:1"])
        assert await read_values(there, by, ONE) == [7]
        member.subscribe()
        assert await read_values(there, by, ONE) == [7]

    run_scenario(scenario)


def test_without_the_shared_tier_answers_continue() -> None:
    async def scenario() -> None:
        shared, by = FakeSharedStore(seeded_random(3)), build_agency()
        through = build_cache(shared)
        assert await read_values(through, by, ONE) == [0]
        shared.crash()
        by.versions[1] = 7
        assert await read_values(through, by, ONE) == [7]
        assert not await through.invalidate(["thing:1"])

    run_scenario(scenario)


def test_a_read_with_max_age_zero_fetches_again_and_the_others_join() -> None:
    async def scenario() -> None:
        through, by = build_cache(), build_agency()
        await read_values(through, by, ONE)
        by.versions[1] = 7
        assert await read_values(through, by, ONE, max_age=0) == [7]
        assert await read_values(through, by, ONE) == [7]

    run_scenario(scenario)


def test_a_read_with_max_age_zero_joins_no_earlier_fetch_whose_answer_changes_nothing_later() -> None:
    async def scenario() -> None:
        shared, slow, quick = (
            FakeSharedStore(seeded_random(3)),
            build_agency(slowest=10.0),
            build_agency(versions={1: 7}, slowest=0.0),
        )
        through = build_cache(shared)
        before = asyncio.create_task(read_values(through, slow, ONE))
        await slow.was_asked.wait()
        assert await read_values(through, quick, ONE, max_age=0) == [7]
        assert await before == [0]
        assert await read_values(through, slow, ONE) == [7]
        assert await read_values(build_cache(shared), slow, ONE) == [7]
        assert (slow.asked, quick.asked) == ([(1,)], [(1,)])

    run_scenario(scenario)


def test_a_result_says_when_it_was_fetched_and_until_when_it_is_fresh() -> None:
    async def scenario() -> None:
        shared, by = FakeSharedStore(seeded_random(3)), build_agency(slowest=0.0)
        through, other = build_cache(shared), build_cache(shared)
        (first,) = (await through.read([ONE], by.answer)).values()
        assert first.fresh_until - first.fetched_at == 60
        await asyncio.sleep(10)
        for each in (through, other, through):
            (again,) = (await each.read([ONE], by.answer)).values()
            assert (again.fetched_at, again.fresh_until) == pytest.approx(
                (first.fetched_at, first.fresh_until), abs=0.05
            )
        by.down = True
        (failed,) = (await through.read([TWO], by.answer)).values()
        assert failed.fresh_until == failed.fetched_at

    run_scenario(scenario)


def test_a_max_age_is_met_by_an_answer_that_is_young_enough() -> None:
    async def scenario() -> None:
        shared, by = FakeSharedStore(seeded_random(3)), build_agency()
        through, other = build_cache(shared), build_cache(shared)
        await read_values(through, by, ONE)
        by.versions[1] = 7
        await asyncio.sleep(10)
        assert await read_values(through, by, ONE, max_age=11) == [0]
        assert await read_values(other, by, ONE, max_age=11) == [0]
        assert await read_values(other, by, ONE, max_age=9) == [7]

    run_scenario(scenario)


def test_entries_of_another_version_or_a_stranger_are_ignored() -> None:
    async def scenario() -> None:
        shared, by = FakeSharedStore(seeded_random(3)), build_agency()
        here, there = build_cache(shared), build_cache(shared)
        await read_values(here, by, ONE)
        at, _, until, epochs = shared.entries["0:things:1"]
        for body in (b"another:name\x005", b"things:1\x00no number", b""):
            shared.entries["0:things:1"] = (at, body, until, epochs)
            by.versions[1] = 7
            assert await read_values(there, by, ONE) == [7]
            there.epochs.invalidate_everything()

    run_scenario(scenario)


def test_a_public_answer_is_used_without_a_subscription() -> None:
    async def scenario() -> None:
        shared, by = FakeSharedStore(seeded_random(3)), build_agency()
        through = build_cache(shared)
        slot = Slot(build_kind("public", tags=None, is_personal=False), 1)
        await read_values(through, by, slot)
        shared.members[0].is_subscribed = False
        assert await read_values(through, by, slot) == [0]
        assert by.asked == [(1,)]

    run_scenario(scenario)


def test_the_process_cache_does_not_exceed_its_byte_limit() -> None:
    async def scenario() -> None:
        through, by = build_cache(max_bytes=20_000), build_agency()
        for key in range(500):
            await read_values(through, by, Slot(THINGS, key))
        assert through.tier.used_bytes <= 20_000
        assert len(through.tier) == 20_000 // 401
        by.asked.clear()
        await read_values(through, by, Slot(THINGS, 499))
        assert by.asked == []

    run_scenario(scenario)


def test_lookups_are_counted_by_tier_as_hits_and_misses() -> None:
    async def scenario() -> None:
        shared = FakeSharedStore(seeded_random(2))
        here, there, by = build_cache(shared), build_cache(shared), build_agency()
        things = build_kind("counted")
        one, two = Slot(things, 1), Slot(things, 2)
        await read_values(here, by, one)
        await read_values(here, by, one, two)
        hits = things.hits
        assert (hits.process, hits.process_missed) == (1, 2)
        assert (hits.shared, hits.shared_missed) == (0, 2)
        await read_values(there, by, one, two)
        assert (hits.process, hits.process_missed) == (1, 4)
        assert (hits.shared, hits.shared_missed) == (2, 2)
        assert (hits.joined, hits.revalidating, hits.failing) == (0, 0, 0)

    run_scenario(scenario)


def test_joined_fetches_are_counted() -> None:
    async def scenario() -> None:
        through, by, things = build_cache(), build_agency(), build_kind("counted")
        slot = Slot(things, 1)
        await asyncio.gather(*(read_values(through, by, slot) for _ in range(5)))
        assert (things.hits.process, things.hits.process_missed, things.hits.joined) == (0, 5, 4)
        assert by.asked == [(1,)]

    run_scenario(scenario)


def test_stale_answers_are_counted_with_their_age() -> None:
    async def scenario() -> None:
        through, by = build_cache(), build_agency()
        things = build_kind("counted", stale_while_revalidate=10.0, stale_if_error=3600.0)
        slot = Slot(things, 1)
        await read_values(through, by, slot)
        await asyncio.sleep(65)
        await read_values(through, by, slot)
        assert (things.hits.revalidating, things.hits.failing) == (1, 0)
        await asyncio.sleep(1000)
        by.down = True
        await read_values(through, by, slot)
        assert (things.hits.revalidating, things.hits.failing) == (1, 1)
        assert things.hits.ages.counts[things.hits.ages.bounds.index(3600.0)] == 1

    run_scenario(scenario)
