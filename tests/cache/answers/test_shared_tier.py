"""The contract of every shared tier: the one in Redis, and the in-memory one of the read-through tests.

Each test runs against both. So the tests on `tests.cache.answers.cache_world` also hold for the hub with a real server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest
from redis.asyncio import Redis

from cache.answers.redis_tier import InvalidationListener, RedisTier
from cache.answers.shared_tier import CacheKey, Lookup, NewSharedEntry, SharedEntry, SharedTier
from tests.cache.answers.cache_world import FakeSharedStore, FakeSharedTier, seeded_random
from tests.cache.valkey import LocalValkey, run_valkey, wait_until

ONE, TWO = CacheKey("name-1", ("tag-1",)), CacheKey("name-2", ("tag-2", "tag-both"))
BODY = b"\0body \xff"


@dataclass(eq=False)
class FakeReadThrough:
    """Stands for the read-through cache of a process: it records the tier's callbacks."""

    invalidated: list[list[str]] = field(default_factory=list)
    lost: int = 0

    @property
    def epochs(self) -> FakeReadThrough:
        return self

    def invalidate(self, tags: Sequence[str]) -> None:
        self.invalidated.append(list(tags))

    def invalidate_everything(self) -> None:
        self.lost += 1


@dataclass
class TierProcess:
    """One process of the hub: its tier, and what it received from it."""

    tier: SharedTier
    heard: FakeReadThrough


class SharedTierWorld(Protocol):
    """A tier that processes share, and the failures it can have."""

    def process(self) -> TierProcess:
        """A subscribed process."""

    async def restart(self, *, from_snapshot: bool) -> None:
        """Restarts the tier, empty or with its data; waits until processes are subscribed again."""

    async def stop(self) -> None:
        """Stops the tier; waits until processes notice."""

    async def forget_leases(self) -> None:
        """Lets all leases expire."""


class InMemoryTierWorld:
    """`tests.cache.answers.cache_world`."""

    def __init__(self) -> None:
        self.shared = FakeSharedStore(seeded_random(1))

    def process(self) -> TierProcess:
        heard = FakeReadThrough()
        through: Any = heard
        member = FakeSharedTier(self.shared, through)
        self.shared.members.append(member)
        return TierProcess(member, heard)

    async def restart(self, *, from_snapshot: bool) -> None:
        self.shared.saved = None
        if from_snapshot:
            self.shared.save()
        self.shared.crash()
        self.shared.restart()
        for each in self.shared.members:
            each.subscribe()

    async def stop(self) -> None:
        self.shared.crash()

    async def forget_leases(self) -> None:
        self.shared.leases = {name: (holder, 0.0) for name, (holder, _) in self.shared.leases.items()}


class ValkeyTierWorld:
    """The production tier, on a real server."""

    def __init__(self, valkey: LocalValkey, tiers: Sequence[RedisTier], heard: Sequence[FakeReadThrough]) -> None:
        self.valkey = valkey
        self.tiers = tiers
        self.unused = [TierProcess(tier, each) for tier, each in zip(tiers, heard, strict=True)]

    def process(self) -> TierProcess:
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
        await wait_until(lambda: all(each.is_subscribed for each in self.tiers))

    async def stop(self) -> None:
        self.valkey.kill()
        await wait_until(lambda: not any(each.is_subscribed for each in self.tiers))

    async def forget_leases(self) -> None:
        async with Redis.from_url(self.valkey.url, protocol=2) as client:
            assert await client.delete(*[key async for key in client.scan_iter("simpul:*:l:*")])


@asynccontextmanager
async def run_valkey_world(folder: Path) -> AsyncIterator[ValkeyTierWorld]:
    async with AsyncExitStack() as stack:
        valkey = stack.enter_context(run_valkey(folder))
        tiers, heard = [], [FakeReadThrough(), FakeReadThrough()]
        for each in heard:
            tier = RedisTier(
                valkey.url,
                max_lifetime=60.0,
                timeout=2.0,
                retry_delay=0.05,
                listener=InvalidationListener(
                    on_invalidated=each.invalidate, on_unsubscribed=each.invalidate_everything
                ),
            )
            await tier.start()
            stack.push_async_callback(tier.close)
            tiers.append(tier)
        yield ValkeyTierWorld(valkey, tiers, heard)


@pytest.fixture(params=["in memory", "in Valkey"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SharedTierWorld]:
    if request.param == "in memory":
        yield InMemoryTierWorld()
    else:
        async with run_valkey_world(tmp_path) as made:
            yield made


async def look_up(process: TierProcess, *wanted: CacheKey) -> Lookup:
    """What a process finds, to the second, because each measures the clock of Redis itself."""
    looked = await process.tier.look_up(wanted)
    assert looked is not None
    return looked._replace(
        found={name: each._replace(fetched_at=round(each.fetched_at)) for name, each in looked.found.items()}
    )


async def acquire_lease(process: TierProcess, *names: str) -> list[str]:
    """The names that a lookup leases."""
    looked = await process.tier.look_up([CacheKey(name, ()) for name in names], lease=names)
    assert looked is not None
    return list(looked.leased)


async def store(process: TierProcess, *wanted: CacheKey, at: float = 100.0) -> Lookup:
    before = await look_up(process, *wanted)
    await process.tier.store([NewSharedEntry(each, at, BODY, 30.0) for each in wanted], before)
    return before


async def test_every_process_finds_an_entry_stored_by_another(place: SharedTierWorld) -> None:
    here, there = place.process(), place.process()
    before = await store(here, ONE, TWO)
    assert before.found == {}
    assert set(before.epochs) == {"tag-1", "tag-2", "tag-both"}
    after = await look_up(there, ONE, TWO, CacheKey("name-3", ()))
    found = {each.name: SharedEntry(100.0, BODY) for each in (ONE, TWO)}
    assert after == Lookup(found, before.epochs, before.run_id, [])


async def test_the_last_stored_entry_is_found(place: SharedTierWorld) -> None:
    here = place.process()
    await store(here, ONE, at=100.0)
    await store(here, ONE, at=50.0)
    assert (await look_up(here, ONE)).found == {"name-1": SharedEntry(50.0, BODY)}


async def test_an_answer_without_tags_is_stored(place: SharedTierWorld) -> None:
    here, there = place.process(), place.process()
    await store(here, CacheKey("name-3", ()))
    assert (await look_up(there, CacheKey("name-3", ()))).found == {"name-3": SharedEntry(100.0, BODY)}


async def test_an_entry_looked_up_with_other_tags_is_not_found(place: SharedTierWorld) -> None:
    here = place.process()
    await store(here, ONE)
    for tags in ((), ("tag-1", "tag-2")):
        await here.tier.invalidate(["tag-2"])
        assert (await look_up(here, CacheKey("name-1", tags))).found == {}


async def test_no_process_finds_an_invalidated_entry_and_each_is_informed(place: SharedTierWorld) -> None:
    here, there = place.process(), place.process()
    before = await store(here, ONE, TWO)
    assert await there.tier.invalidate(["tag-both", "tag-4"])
    for each in (here, there):
        after = await look_up(each, ONE, TWO)
        assert set(after.found) == {"name-1"}
        assert {tag for tag in after.epochs if after.epochs[tag] != before.epochs[tag]} == {"tag-both"}
    await wait_until(lambda: [each.heard.invalidated for each in (here, there)] == [[["tag-both", "tag-4"]]] * 2)


async def test_an_entry_looked_up_before_an_invalidation_and_stored_after_it_is_not_found(
    place: SharedTierWorld,
) -> None:
    here, there = place.process(), place.process()
    before = await look_up(here, ONE)
    await there.tier.invalidate(["tag-1"])
    await here.tier.store([NewSharedEntry(ONE, 100.0, BODY, 30.0)], before)
    assert (await look_up(there, ONE)).found == {}
    await store(here, ONE)
    assert set((await look_up(there, ONE)).found) == {"name-1"}


async def test_no_entry_is_found_after_its_lifetime(place: SharedTierWorld) -> None:
    here = place.process()
    before = await look_up(here, ONE, TWO)
    await here.tier.store([NewSharedEntry(ONE, 100.0, BODY, 0.001), NewSharedEntry(TWO, 100.0, BODY, 30.0)], before)
    async with asyncio.timeout(10):
        while set((await look_up(here, ONE, TWO)).found) != {"name-2"}:  # noqa: ASYNC110 - time passes, which sets no event
            await asyncio.sleep(0.01)


async def test_one_process_at_a_time_holds_the_lease_of_a_name(place: SharedTierWorld) -> None:
    here, there = place.process(), place.process()
    assert await acquire_lease(here, "name-1", "name-2") == ["name-1", "name-2"]
    assert await acquire_lease(there, "name-1", "name-3") == ["name-3"]
    assert await acquire_lease(here, "name-1") == []
    await there.tier.release_lease(["name-1"])  # the lease of another process stays
    assert await acquire_lease(there, "name-1") == []
    await here.tier.release_lease(["name-1", "name-of-no-lease"])
    assert await acquire_lease(there, "name-1") == ["name-1"]
    await place.forget_leases()
    assert await acquire_lease(here, "name-1") == ["name-1"]


async def test_what_another_process_stored_before_the_end_of_its_lease_is_found_with_the_next_lease(
    place: SharedTierWorld,
) -> None:
    here, there = place.process(), place.process()
    assert await acquire_lease(here, "name-1") == ["name-1"]
    assert (await look_up(there, ONE)).found == {}
    await store(here, ONE)
    await here.tier.release_lease(["name-1"])
    after = await there.tier.look_up([ONE], lease=["name-1"])
    assert after is not None
    assert (list(after.leased), set(after.found)) == (["name-1"], {"name-1"})


async def test_a_missing_tier_finds_stores_and_leases_nothing(place: SharedTierWorld) -> None:
    here = place.process()
    before = await store(here, ONE)
    lost = here.heard.lost
    await place.stop()
    assert not here.tier.is_subscribed
    assert here.heard.lost > lost
    assert await here.tier.look_up([ONE]) is None
    await here.tier.store([NewSharedEntry(ONE, 100.0, BODY, 30.0)], before)
    assert await here.tier.look_up([ONE], lease=["name-1"]) is None
    await here.tier.release_lease(["name-1"])
    assert not await here.tier.invalidate(["tag-1"])
    assert here.heard.invalidated == []


@pytest.mark.parametrize("from_snapshot", [False, True])
async def test_after_a_restart_no_earlier_entry_is_found(place: SharedTierWorld, *, from_snapshot: bool) -> None:
    here, there = place.process(), place.process()
    before = await store(here, ONE)
    await acquire_lease(here, "name-1")
    lost = [each.heard.lost for each in (here, there)]
    await place.restart(from_snapshot=from_snapshot)
    assert here.heard.lost > lost[0]
    assert there.heard.lost > lost[1]
    await here.tier.store([NewSharedEntry(ONE, 100.0, b"before", 30.0)], before)
    after = await look_up(there, ONE)
    assert (after.found, after.run_id != before.run_id) == ({}, True)
    assert await acquire_lease(there, "name-1") == ["name-1"]
    await store(here, ONE)
    assert (await look_up(there, ONE)).found == {"name-1": SharedEntry(100.0, BODY)}
