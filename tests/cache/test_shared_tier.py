"""What every shared tier does: the one in Redis, and the one in memory that the tests of the read-through run on.

Each test runs against both. So the tests that use `tests.cache.world` say something about the hub with a real server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest
from redis.asyncio import Redis

from cache.redis_tier import RedisTier
from cache.shared_tier import Found, Looked, SharedTier, Stored, Wanted
from tests.cache.valkey import Valkey, running_valkey
from tests.cache.world import Member, Shared, chance

ONE, TWO = Wanted("name-1", ("tag-1",)), Wanted("name-2", ("tag-2", "tag-both"))
BODY = b"\0body \xff"


@dataclass(eq=False)
class Heard:
    """Stands for the read-through of a process: it takes what the tier tells."""

    invalidated: list[list[str]] = field(default_factory=list)
    lost: int = 0

    @property
    def fences(self) -> Heard:
        return self

    def invalidate(self, tags: Sequence[str]) -> None:
        self.invalidated.append(list(tags))

    def invalidate_everything(self) -> None:
        self.lost += 1


@dataclass
class Process:
    """One process of the hub: its tier, and what it heard from there."""

    tier: SharedTier
    heard: Heard


class Place(Protocol):
    """A tier that processes share, and what can happen to it."""

    def process(self) -> Process:
        """A process that follows."""

    async def restart(self, *, from_snapshot: bool) -> None:
        """End the tier and start it again, empty or with all it held; wait until processes follow."""

    async def stop(self) -> None:
        """End the tier; wait until processes notice."""

    async def forget_leases(self) -> None:
        """Let the time of all leases pass."""


class InMemory:
    """`tests.cache.world`."""

    def __init__(self) -> None:
        self.shared = Shared(chance(1))

    def process(self) -> Process:
        heard = Heard()
        through: Any = heard
        member = Member(self.shared, through)
        self.shared.members.append(member)
        return Process(member, heard)

    async def restart(self, *, from_snapshot: bool) -> None:
        self.shared.saved = None
        if from_snapshot:
            self.shared.save()
        self.shared.crash()
        self.shared.come_back()
        for each in self.shared.members:
            each.follow()

    async def stop(self) -> None:
        self.shared.crash()

    async def forget_leases(self) -> None:
        self.shared.leases = {name: (holder, 0.0) for name, (holder, _) in self.shared.leases.items()}


class InValkey:
    """The tier of production, on a real server."""

    def __init__(self, valkey: Valkey, tiers: Sequence[RedisTier], heard: Sequence[Heard]) -> None:
        self.valkey = valkey
        self.tiers = tiers
        self.unused = [Process(tier, each) for tier, each in zip(tiers, heard, strict=True)]

    def process(self) -> Process:
        return self.unused.pop()

    async def restart(self, *, from_snapshot: bool) -> None:
        async with Redis.from_url(self.valkey.url, protocol=2) as client:
            held = {key: await client.dump(key) async for key in client.scan_iter("simpul:*:[at]:*")}
        await self.stop()
        self.valkey.start()
        if from_snapshot:
            async with Redis.from_url(self.valkey.url, protocol=2) as client:
                for key, value in held.items():
                    await client.restore(key, 30_000, value)
        await until(lambda: all(each.following for each in self.tiers))

    async def stop(self) -> None:
        self.valkey.kill()
        await until(lambda: not any(each.following for each in self.tiers))

    async def forget_leases(self) -> None:
        async with Redis.from_url(self.valkey.url, protocol=2) as client:
            assert await client.delete(*[key async for key in client.scan_iter("simpul:*:l:*")])


@asynccontextmanager
async def in_valkey(folder: Path) -> AsyncIterator[InValkey]:
    async with AsyncExitStack() as stack:
        valkey = stack.enter_context(running_valkey(folder))
        tiers, heard = [], [Heard(), Heard()]
        for each in heard:
            tier = RedisTier(
                valkey.url,
                longest=60.0,
                heard=each.invalidate,
                lost=each.invalidate_everything,
                patience=2.0,
                pause=0.05,
            )
            await tier.start()
            stack.push_async_callback(tier.close)
            tiers.append(tier)
        yield InValkey(valkey, tiers, heard)


@pytest.fixture(params=["in memory", "in Valkey"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    if request.param == "in memory":
        yield InMemory()
    else:
        async with in_valkey(tmp_path) as made:
            yield made


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.01)


async def looked(process: Process, *wanted: Wanted) -> Looked:
    """What a process finds there; to the second, for each reads the clock of Redis by itself."""
    looked = await process.tier.look(wanted)
    assert looked is not None
    return looked._replace(found={name: each._replace(at=round(each.at)) for name, each in looked.found.items()})


async def stored(process: Process, *wanted: Wanted, at: float = 100.0) -> Looked:
    before = await looked(process, *wanted)
    await process.tier.store([Stored(each, at, BODY, 30.0) for each in wanted], before)
    return before


async def test_every_process_finds_what_one_stored(place: Place) -> None:
    here, there = place.process(), place.process()
    before = await stored(here, ONE, TWO)
    assert before.found == {}
    assert set(before.tokens) == {"tag-1", "tag-2", "tag-both"}
    after = await looked(there, ONE, TWO, Wanted("name-3", ()))
    assert after == Looked({each.name: Found(100.0, BODY) for each in (ONE, TWO)}, before.tokens, before.place)


async def test_the_entry_that_was_stored_last_counts(place: Place) -> None:
    here = place.process()
    await stored(here, ONE, at=100.0)
    await stored(here, ONE, at=50.0)
    assert (await looked(here, ONE)).found == {"name-1": Found(50.0, BODY)}


async def test_an_answer_without_tags_is_kept_too(place: Place) -> None:
    here, there = place.process(), place.process()
    await stored(here, Wanted("name-3", ()))
    assert (await looked(there, Wanted("name-3", ()))).found == {"name-3": Found(100.0, BODY)}


async def test_an_entry_asked_for_with_other_tags_is_not_found(place: Place) -> None:
    here = place.process()
    await stored(here, ONE)
    for tags in ((), ("tag-1", "tag-2")):
        await here.tier.invalidate(["tag-2"])
        assert (await looked(here, Wanted("name-1", tags))).found == {}


async def test_no_process_finds_what_one_invalidated_and_each_hears_of_it(place: Place) -> None:
    here, there = place.process(), place.process()
    before = await stored(here, ONE, TWO)
    assert await there.tier.invalidate(["tag-both", "tag-4"])
    for each in (here, there):
        after = await looked(each, ONE, TWO)
        assert set(after.found) == {"name-1"}
        assert {tag for tag in after.tokens if after.tokens[tag] != before.tokens[tag]} == {"tag-both"}
    await until(lambda: [each.heard.invalidated for each in (here, there)] == [[["tag-both", "tag-4"]]] * 2)


async def test_what_was_looked_up_before_an_invalidation_and_stored_after_it_is_not_found(place: Place) -> None:
    here, there = place.process(), place.process()
    before = await looked(here, ONE)
    await there.tier.invalidate(["tag-1"])
    await here.tier.store([Stored(ONE, 100.0, BODY, 30.0)], before)
    assert (await looked(there, ONE)).found == {}
    await stored(here, ONE)
    assert set((await looked(there, ONE)).found) == {"name-1"}


async def test_nothing_is_found_after_its_time(place: Place) -> None:
    here = place.process()
    before = await looked(here, ONE, TWO)
    await here.tier.store([Stored(ONE, 100.0, BODY, 0.001), Stored(TWO, 100.0, BODY, 30.0)], before)
    async with asyncio.timeout(10):
        while set((await looked(here, ONE, TWO)).found) != {"name-2"}:  # noqa: ASYNC110 - time passes, which sets no event
            await asyncio.sleep(0.01)


async def test_one_process_at_a_time_holds_the_lease_of_a_name(place: Place) -> None:
    here, there = place.process(), place.process()
    assert list(await here.tier.lead(["name-1", "name-2"])) == ["name-1", "name-2"]
    assert list(await there.tier.lead(["name-1", "name-3"])) == ["name-3"]
    assert list(await here.tier.lead(["name-1"])) == []
    await there.tier.led(["name-1"])  # the lease of another process stays
    assert list(await there.tier.lead(["name-1"])) == []
    await here.tier.led(["name-1", "name-of-no-lease"])
    assert list(await there.tier.lead(["name-1"])) == ["name-1"]
    await place.forget_leases()
    assert list(await here.tier.lead(["name-1"])) == ["name-1"]


async def test_a_tier_that_is_gone_finds_nothing_keeps_nothing_and_lets_everybody_fetch(place: Place) -> None:
    here = place.process()
    before = await stored(here, ONE)
    lost = here.heard.lost
    await place.stop()
    assert not here.tier.following
    assert here.heard.lost > lost
    assert await here.tier.look([ONE]) is None
    await here.tier.store([Stored(ONE, 100.0, BODY, 30.0)], before)
    assert list(await here.tier.lead(["name-1"])) == ["name-1"]
    assert list(await here.tier.lead(["name-1"])) == ["name-1"]
    await here.tier.led(["name-1"])
    assert not await here.tier.invalidate(["tag-1"])
    assert here.heard.invalidated == []


@pytest.mark.parametrize("from_snapshot", [False, True])
async def test_after_a_restart_nothing_of_the_life_before_counts(place: Place, *, from_snapshot: bool) -> None:
    here, there = place.process(), place.process()
    before = await stored(here, ONE)
    await here.tier.lead(["name-1"])
    lost = [each.heard.lost for each in (here, there)]
    await place.restart(from_snapshot=from_snapshot)
    assert here.heard.lost > lost[0]
    assert there.heard.lost > lost[1]
    await here.tier.store([Stored(ONE, 100.0, b"before", 30.0)], before)
    after = await looked(there, ONE)
    assert (after.found, after.place != before.place) == ({}, True)
    assert list(await there.tier.lead(["name-1"])) == ["name-1"]
    await stored(here, ONE)
    assert (await looked(there, ONE)).found == {"name-1": Found(100.0, BODY)}
