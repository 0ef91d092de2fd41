"""Reading through what is kept: what is asked, what is given, and when nothing of the old may be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from math import inf
from typing import Any

import pytest

from cache.read_through import ReadThrough
from cache.slots import Slot
from records.failures import AgencyUnavailable
from tests.cache.world import Agency, Shared, chance, kind, process
from tests.engine.plan.clock import virtual_loop

Story = Callable[[], Coroutine[Any, Any, None]]


def told(story: Story) -> None:
    with virtual_loop() as loop:
        loop.run(story())


def agency(**given: Any) -> Agency:  # noqa: ANN401 - members of Agency
    return Agency(chance(1), **given)


async def values(through: ReadThrough, by: Agency, *slots: Slot, at_most_old: float = inf) -> list[Any]:
    given = await through.read(slots, by.answer, at_most_old=at_most_old)
    return [given[slot].value for slot in slots]


THINGS = kind()
ONE, TWO, THREE = (Slot(THINGS, key) for key in (1, 2, 3))


def test_what_is_fresh_is_asked_for_once_and_only_what_is_missing_goes_to_the_agency() -> None:
    async def story() -> None:
        through, by = process(), agency()
        await values(through, by, ONE, TWO)
        by.versions[1] = 7
        assert await values(through, by, ONE, TWO, THREE) == [0, 0, 0]
        assert by.asked == [(1, 2), (3,)]

    told(story)


def test_what_is_no_longer_fresh_is_asked_for_again() -> None:
    async def story() -> None:
        through, by = process(), agency()
        await values(through, by, ONE)
        by.versions[1] = 7
        await asyncio.sleep(61)
        assert await values(through, by, ONE) == [7]

    told(story)


def test_while_it_is_asked_for_anew_the_old_answer_is_given_at_once_and_says_so() -> None:
    async def story() -> None:
        through, by = process(), agency()
        slot = Slot(kind(revalidating=30.0), 1)
        await values(through, by, slot)
        by.versions[1] = 7
        await asyncio.sleep(61)
        (given,) = (await through.read([slot], by.answer)).values()
        assert given.value == 0
        assert given.staleness is not None
        assert given.staleness.reason == "revalidating"
        await asyncio.sleep(1)
        assert await values(through, by, slot) == [7]
        assert len(by.asked) == 2

    told(story)


@pytest.mark.parametrize(("later", "given"), [(3_000, 0), (3_700, AgencyUnavailable)])
def test_where_the_agency_fails_the_old_answer_is_given_as_long_as_it_may_be(later: float, given: Any) -> None:  # noqa: ANN401 - a number or a failure
    async def story() -> None:
        through, by = process(), agency()
        slot = Slot(kind(failing=3_600.0), 1)
        await values(through, by, slot)
        by.down = True
        await asyncio.sleep(later)
        (found,) = (await through.read([slot], by.answer)).values()
        if given == 0:
            assert found.value == 0
            assert found.staleness is not None
            assert found.staleness.reason == "AGENCY_UNAVAILABLE"
        else:
            assert isinstance(found.value, given)

    told(story)


def test_that_the_agency_knows_nothing_is_kept_for_a_time_of_its_own() -> None:
    async def story() -> None:
        through, asked = process(), []
        slot = Slot(kind(absent=10.0), 1)

        async def nothing(slots: Any, _background: bool) -> dict[Slot, Any]:  # noqa: ANN401, FBT001 - see `Fetch`
            asked.append(slots)
            return {}

        for wait, times in ((0, 1), (5, 1), (6, 2)):
            await asyncio.sleep(wait)
            (given,) = (await through.read([slot], nothing)).values()
            assert given.value is None
            assert len(asked) == times

    told(story)


def test_failures_are_never_kept() -> None:
    async def story() -> None:
        through, by = process(), agency(down=True)
        assert isinstance((await values(through, by, ONE))[0], AgencyUnavailable)
        by.down = False
        assert await values(through, by, ONE) == [0]

    told(story)


@pytest.mark.parametrize("count", [1, 4], ids=["one process", "four processes"])
def test_many_who_ask_for_the_same_cold_key_at_once_are_one_call(count: int) -> None:
    async def story() -> None:
        shared, by = Shared(chance(3)), agency()
        processes = [process(shared) for _ in range(count)]
        found = await asyncio.gather(*(values(each, by, ONE) for each in processes for _ in range(64 // count)))
        assert found == [[0]] * 64
        assert by.asked == [(1,)]

    told(story)


def test_a_process_that_dies_while_it_fetches_holds_up_the_others_no_longer_than_its_lease() -> None:
    async def story() -> None:
        shared, by = Shared(chance(3)), agency()
        dying, other = process(shared), process(shared)
        shared.leases["0:things:1"] = (dying, 6.0)
        assert await values(other, by, ONE) == [0]
        assert 6.0 < asyncio.get_running_loop().time() < 6.5

    told(story)


def test_who_leaves_does_not_take_the_answer_from_the_others() -> None:
    async def story() -> None:
        through, by = process(), agency()
        first = asyncio.create_task(values(through, by, ONE))
        second = asyncio.create_task(values(through, by, ONE))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == [0]
        assert by.asked == [(1,)]

    told(story)


def test_an_answer_that_was_begun_before_an_invalidation_is_given_to_nobody_who_asks_after_it() -> None:
    async def story() -> None:
        through, by = process(), agency(slowest=10.0)
        before = asyncio.create_task(values(through, by, ONE))
        await asyncio.sleep(0)
        await by.was_asked.wait()
        await through.invalidate(["thing:1"])
        by.versions[1] = 7
        after = asyncio.create_task(values(through, by, ONE))
        await before
        assert await after == [7]
        assert await values(through, by, ONE) == [7]
        assert by.asked == [(1,), (1,)]

    told(story)


def test_an_invalidation_in_one_process_is_one_in_all_and_leaves_what_it_is_not_about() -> None:
    async def story() -> None:
        shared, by = Shared(chance(3)), agency()
        here, there = process(shared), process(shared)
        await values(here, by, ONE, TWO)
        await values(there, by, ONE, TWO)
        by.versions.update({1: 7, 2: 7})
        assert await here.invalidate(["thing:1"])
        assert await values(there, by, ONE, TWO) == [7, 0]
        assert by.asked == [(1, 2), (1,)]

    told(story)


def test_a_process_that_hears_nothing_uses_nothing_that_it_keeps_by_itself_until_it_hears_again() -> None:
    async def story() -> None:
        shared, by = Shared(chance(3)), agency()
        here, there = process(shared), process(shared)
        await values(there, by, ONE)
        member = shared.members[1]
        member.following = False
        by.versions[1] = 7
        await here.invalidate(["thing:1"])
        assert await values(there, by, ONE) == [7]
        member.follow()
        assert await values(there, by, ONE) == [7]

    told(story)


def test_what_is_shared_may_be_gone_and_answers_go_on() -> None:
    async def story() -> None:
        shared, by = Shared(chance(3)), agency()
        through = process(shared)
        assert await values(through, by, ONE) == [0]
        shared.crash()
        by.versions[1] = 7
        assert await values(through, by, ONE) == [7]
        assert not await through.invalidate(["thing:1"])

    told(story)


def test_who_wants_it_anew_gets_it_anew_and_the_others_with_them() -> None:
    async def story() -> None:
        through, by = process(), agency()
        await values(through, by, ONE)
        by.versions[1] = 7
        assert await values(through, by, ONE, at_most_old=0) == [7]
        assert await values(through, by, ONE) == [7]

    told(story)


def test_who_wants_it_anew_joins_nobody_who_began_to_ask_before_and_what_those_bring_later_changes_nothing() -> None:
    async def story() -> None:
        shared, slow, quick = Shared(chance(3)), agency(slowest=10.0), agency(versions={1: 7}, slowest=0.0)
        through = process(shared)
        before = asyncio.create_task(values(through, slow, ONE))
        await slow.was_asked.wait()
        assert await values(through, quick, ONE, at_most_old=0) == [7]
        assert await before == [0]
        assert await values(through, slow, ONE) == [7]
        assert await values(process(shared), slow, ONE) == [7]
        assert (slow.asked, quick.asked) == ([(1,)], [(1,)])

    told(story)


def test_what_is_given_says_since_when_it_is_so_and_until_when_it_is_fresh() -> None:
    async def story() -> None:
        shared, by = Shared(chance(3)), agency(slowest=0.0)
        through, other = process(shared), process(shared)
        (first,) = (await through.read([ONE], by.answer)).values()
        assert first.fresh_until - first.at == 60
        await asyncio.sleep(10)
        for each in (through, other, through):
            (again,) = (await each.read([ONE], by.answer)).values()
            assert (again.at, again.fresh_until) == pytest.approx((first.at, first.fresh_until), abs=0.05)
        by.down = True
        (failed,) = (await through.read([TWO], by.answer)).values()
        assert failed.fresh_until == failed.at

    told(story)


def test_who_wants_nothing_old_gets_what_is_young_enough() -> None:
    async def story() -> None:
        shared, by = Shared(chance(3)), agency()
        through, other = process(shared), process(shared)
        await values(through, by, ONE)
        by.versions[1] = 7
        await asyncio.sleep(10)
        assert await values(through, by, ONE, at_most_old=11) == [0]
        assert await values(other, by, ONE, at_most_old=11) == [0]
        assert await values(other, by, ONE, at_most_old=9) == [7]

    told(story)


def test_another_version_of_the_hub_or_a_stranger_in_what_is_shared_is_no_answer() -> None:
    async def story() -> None:
        shared, by = Shared(chance(3)), agency()
        here, there = process(shared), process(shared)
        await values(here, by, ONE)
        at, _, until, tokens = shared.entries["0:things:1"]
        for body in (b"another:name\x005", b"things:1\x00no number", b""):
            shared.entries["0:things:1"] = (at, body, until, tokens)
            by.versions[1] = 7
            assert await values(there, by, ONE) == [7]
            there.fences.invalidate_everything()

    told(story)


def test_what_has_no_tags_is_used_whatever_is_heard() -> None:
    async def story() -> None:
        shared, by = Shared(chance(3)), agency()
        through = process(shared)
        slot = Slot(kind("public", tags=None, personal=False), 1)
        await values(through, by, slot)
        shared.members[0].following = False
        assert await values(through, by, slot) == [0]
        assert by.asked == [(1,)]

    told(story)


def test_the_process_keeps_no_more_bytes_than_it_may() -> None:
    async def story() -> None:
        through, by = process(most_bytes=20_000), agency()
        for key in range(500):
            await values(through, by, Slot(THINGS, key))
        assert through.tier.used <= 20_000
        assert len(through.tier) == 20_000 // 401
        by.asked.clear()
        await values(through, by, Slot(THINGS, 499))
        assert by.asked == []

    told(story)


def test_it_counts_what_was_found_where_and_what_was_not() -> None:
    async def story() -> None:
        shared = Shared(chance(2))
        here, there, by = process(shared), process(shared), agency()
        things = kind("counted")
        one, two = Slot(things, 1), Slot(things, 2)
        await values(here, by, one)
        await values(here, by, one, two)
        hits = things.hits
        assert (hits.process, hits.process_missed) == (1, 2)
        assert (hits.shared, hits.shared_missed) == (0, 2)
        await values(there, by, one, two)
        assert (hits.process, hits.process_missed) == (1, 4)
        assert (hits.shared, hits.shared_missed) == (2, 2)
        assert (hits.joined, hits.revalidating, hits.failing) == (0, 0, 0)

    told(story)


def test_it_counts_who_waited_for_what_somebody_else_was_asking_for() -> None:
    async def story() -> None:
        through, by, things = process(), agency(), kind("counted")
        slot = Slot(things, 1)
        await asyncio.gather(*(values(through, by, slot) for _ in range(5)))
        assert (things.hits.process, things.hits.process_missed, things.hits.joined) == (0, 5, 4)
        assert by.asked == [(1,)]

    told(story)


def test_it_counts_answers_that_were_given_old_and_how_old_they_were() -> None:
    async def story() -> None:
        through, by = process(), agency()
        things = kind("counted", revalidating=10.0, failing=3600.0)
        slot = Slot(things, 1)
        await values(through, by, slot)
        await asyncio.sleep(65)
        await values(through, by, slot)
        assert (things.hits.revalidating, things.hits.failing) == (1, 0)
        await asyncio.sleep(1000)
        by.down = True
        await values(through, by, slot)
        assert (things.hits.revalidating, things.hits.failing) == (1, 1)
        assert things.hits.ages.counts[things.hits.ages.bounds.index(3600.0)] == 1

    told(story)
