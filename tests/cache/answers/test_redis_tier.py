"""The shared tier in a real Valkey: one round trip per batch, epochs, leases, server failures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from redis.asyncio import Redis

from cache.answers.monotonic_clock import get_monotonic_seconds
from cache.answers.redis_tier import MAX_CONNECTIONS, InvalidationListener, RedisTier
from cache.answers.shared_tier import CacheKey, NewSharedEntry
from tests.cache.valkey import LocalValkey, wait_until

ONE, TWO = CacheKey("name-1", ("tag-1",)), CacheKey("name-2", ("tag-2", "tag-both"))
TIMEOUT, RETRY_DELAY = 0.5, 0.05


@dataclass
class RecordedInvalidations:
    """What one process received."""

    invalidated: list[list[str]] = field(default_factory=list)
    lost: int = 0

    def lose(self) -> None:
        self.lost += 1


@asynccontextmanager
async def run_tier(
    valkey: LocalValkey,
    recorded: RecordedInvalidations | None = None,
    *,
    timeout: float = TIMEOUT,
    retry_delay: float = RETRY_DELAY,
    clock: Callable[[], float] = get_monotonic_seconds,
) -> AsyncIterator[RedisTier]:
    recorder = recorded or RecordedInvalidations()
    made = RedisTier(
        valkey.url,
        max_lifetime=60.0,
        timeout=timeout,
        retry_delay=retry_delay,
        clock=clock,
        listener=InvalidationListener(
            on_invalidated=lambda tags: recorder.invalidated.append(list(tags)), on_unsubscribed=recorder.lose
        ),
    )
    await made.start()
    try:
        yield made
    finally:
        await made.close()


async def build_entry(made: RedisTier, *wanted: CacheKey, body: bytes = b"body") -> None:
    looked = await made.look_up(wanted)
    assert looked is not None
    await made.store([NewSharedEntry(each, 100.0, body, 30.0) for each in wanted], looked)


async def acquire_lease(made: RedisTier, *names: str) -> list[str]:
    """The names that a lookup leases; none if the server does not answer."""
    looked = await made.look_up([CacheKey(name, ()) for name in names], lease=names)
    return [] if looked is None else list(looked.leased)


async def count_reads(valkey: LocalValkey) -> dict[str, int]:
    """The number of read commands, by command."""
    async with Redis.from_url(valkey.url, protocol=2) as client:
        counted = await client.info("commandstats")
    return {name: counted[f"cmdstat_{name}"]["calls"] for name in ("get", "mget") if f"cmdstat_{name}" in counted}


async def test_every_process_finds_a_stored_entry_in_one_round_trip(valkey: LocalValkey) -> None:
    async with run_tier(valkey) as here, run_tier(valkey) as there:
        await build_entry(here, ONE, TWO)
        assert await count_reads(valkey) == {"mget": 1}
        looked = await there.look_up([ONE, TWO])
        assert looked is not None
        assert {name: each.body for name, each in looked.found.items()} == {"name-1": b"body", "name-2": b"body"}
        # Each process measures the clock of Redis itself.
        assert [each.fetched_at for each in looked.found.values()] == pytest.approx([100.0, 100.0], abs=0.1)
        assert await count_reads(valkey) == {"mget": 2}


async def test_an_invalidated_entry_is_never_found_and_every_process_is_informed(valkey: LocalValkey) -> None:
    heard = RecordedInvalidations()
    async with run_tier(valkey) as here, run_tier(valkey, heard) as there:
        await build_entry(here, ONE, TWO)
        assert await here.invalidate(["tag-both"])
        looked = await there.look_up([ONE, TWO])
        assert looked is not None
        assert set(looked.found) == {"name-1"}
        await wait_until(lambda: heard.invalidated == [["tag-both"]])


async def test_an_answer_fetched_before_an_invalidation_and_stored_after_it_is_not_found(
    valkey: LocalValkey,
) -> None:
    async with run_tier(valkey) as made:
        before = await made.look_up([ONE])
        assert before is not None
        await made.invalidate(["tag-1"])
        await made.store([NewSharedEntry(ONE, 100.0, b"old", 30.0)], before)
        looked = await made.look_up([ONE])
        assert looked is not None
        assert looked.found == {}
        await made.store([NewSharedEntry(ONE, 100.0, b"new", 30.0)], looked)
        again = await made.look_up([ONE])
        assert again is not None
        assert again.found["name-1"].body == b"new"


async def test_entries_expire_after_their_lifetime_and_epochs_outlive_them(valkey: LocalValkey) -> None:
    async with run_tier(valkey) as made:
        looked = await made.look_up([ONE])
        assert looked is not None
        await made.store([NewSharedEntry(ONE, 100.0, b"body", 1_000.0)], looked)
        await made.invalidate(["tag-1"])
        async with Redis.from_url(valkey.url, protocol=2) as client:
            lives = {key.decode().split(":")[2]: await client.pttl(key) async for key in client.scan_iter("simpul:*")}
    assert 0 < lives["a"] <= 60_000
    assert lives["t"] > 60_000 + 100_000


async def test_one_process_holds_a_lease_until_it_releases_it(valkey: LocalValkey) -> None:
    async with run_tier(valkey) as here, run_tier(valkey) as there:
        assert await acquire_lease(here, "name-1", "name-2") == ["name-1", "name-2"]
        assert await acquire_lease(there, "name-1", "name-3") == ["name-3"]
        await there.release_lease(["name-1"])  # the lease belongs to another process
        assert await acquire_lease(there, "name-1") == []
        await here.release_lease(["name-1"])
        assert await acquire_lease(there, "name-1") == ["name-1"]


async def test_a_missing_server_fails_no_read_and_is_reconnected(valkey: LocalValkey) -> None:
    heard = RecordedInvalidations()
    async with run_tier(valkey, heard) as made:
        await build_entry(made, ONE)
        lost = heard.lost
        valkey.kill()
        assert await made.look_up([ONE]) is None
        assert not made.is_subscribed
        assert heard.lost > lost
        assert await made.look_up([ONE], lease=["name-1"]) is None
        assert not await made.invalidate(["tag-1"])
        valkey.start()
        await wait_until(lambda: made.is_subscribed)
        await build_entry(made, ONE)
        looked = await made.look_up([ONE])
        assert looked is not None
        assert set(looked.found) == {"name-1"}


async def test_a_hanging_server_is_detected_without_a_request(valkey: LocalValkey) -> None:
    async with run_tier(valkey) as made:
        with valkey.freeze():
            await wait_until(lambda: not made.is_subscribed)
        await wait_until(lambda: made.is_subscribed)


async def test_a_slow_server_is_paused_and_the_process_cache_stays_valid(
    valkey: LocalValkey,
) -> None:
    heard = RecordedInvalidations()
    async with run_tier(valkey, heard, timeout=0.2, retry_delay=5.0) as made:
        lost = heard.lost
        with valkey.freeze():
            assert await made.look_up([ONE]) is None
            assert (made.is_subscribed, heard.lost) == (True, lost)
            async with asyncio.timeout(0.1):  # the second call does not wait
                assert await made.look_up([ONE]) is None
                assert not await made.invalidate(["tag-1"])


async def test_many_concurrent_calls_use_few_connections_and_none_outlives_the_server(
    valkey: LocalValkey,
) -> None:
    async with run_tier(valkey) as made:
        assert None not in await asyncio.gather(*(made.look_up([ONE]) for _ in range(100)))
        async with Redis.from_url(valkey.url, protocol=2) as client:
            here = len(await client.client_list()) - 1
        assert 2 < here <= MAX_CONNECTIONS + 2  # plus the channel, and the connection that asked for the run id
        valkey.kill()
        await wait_until(lambda: not made.is_subscribed)
        await wait_until(
            lambda: not any(each.is_connected for each in made._client.connection_pool._available_connections)
        )


async def test_leases_acquired_during_a_hang_are_released_when_the_server_answers_again(valkey: LocalValkey) -> None:
    async with run_tier(valkey) as here, run_tier(valkey) as there:
        assert await acquire_lease(here, "name-1") == ["name-1"]
        with valkey.freeze():
            await wait_until(lambda: not here.is_subscribed)
            await here.release_lease(["name-1"])
        await wait_until(lambda: here.is_subscribed and there.is_subscribed)
        assert await acquire_lease(there, "name-1") == ["name-1"]


async def test_leases_acquired_during_a_pause_are_released_with_the_next_lease(valkey: LocalValkey) -> None:
    async with run_tier(valkey, timeout=0.2, retry_delay=0.3) as here, run_tier(valkey) as there:
        assert await acquire_lease(here, "name-1") == ["name-1"]
        with valkey.freeze():
            await here.release_lease(["name-1"])
        async with asyncio.timeout(3):  # less than a lease lasts
            while not await acquire_lease(there, "name-1"):
                await acquire_lease(here, "name-2")
                await asyncio.sleep(0.05)


async def test_a_restarted_server_with_its_data_is_another_server(valkey: LocalValkey) -> None:
    """It may have missed an invalidation that came after its snapshot."""
    async with run_tier(valkey) as made:
        await build_entry(made, ONE)
        async with Redis.from_url(valkey.url, protocol=2) as client:
            held = {key: await client.dump(key) async for key in client.scan_iter("simpul:*:a:*")}
        assert len(held) == 1
        valkey.kill()
        valkey.start()
        async with Redis.from_url(valkey.url, protocol=2) as client:
            for key, value in held.items():
                await client.restore(key, 30_000, value, replace=True)
        await wait_until(lambda: made.is_subscribed)
        looked = await made.look_up([ONE])
        assert looked is not None
        assert looked.found == {}


async def test_without_a_server_the_hub_starts_and_keeps_trying_to_connect(valkey: LocalValkey) -> None:
    valkey.kill()
    async with run_tier(valkey) as made:
        assert not made.is_subscribed
        valkey.start()
        await wait_until(lambda: made.is_subscribed)


async def test_no_text_reveals_the_address_of_redis(valkey: LocalValkey) -> None:
    async with run_tier(valkey) as made:
        assert repr(made) == "<RedisTier following>"
    assert repr(made) == "<RedisTier lost>"


@pytest.mark.parametrize("value", [b"", b"short", b"\0" * 9 + b"\x05"])
async def test_an_invalid_entry_is_not_found(valkey: LocalValkey, value: bytes) -> None:
    async with run_tier(valkey) as made:
        async with Redis.from_url(valkey.url, protocol=2) as client:
            run_id = (await client.info("server"))["run_id"][:16]
            await client.set(f"simpul:v1:a:{run_id}:name-1", value)
        looked = await made.look_up([ONE])
        assert looked is not None
        assert looked.found == {}


async def test_an_answer_has_the_same_age_in_every_process_whatever_its_clock(valkey: LocalValkey) -> None:
    def elsewhere() -> float:
        return get_monotonic_seconds() + 500_000.0

    async with run_tier(valkey) as here, run_tier(valkey, clock=elsewhere) as there:
        looked = await here.look_up([ONE])
        assert looked is not None
        await here.store([NewSharedEntry(ONE, get_monotonic_seconds() - 40.0, b"body", 60.0)], looked)
        found = await there.look_up([ONE])
        assert found is not None
        assert elsewhere() - found.found["name-1"].fetched_at == pytest.approx(40.0, abs=1.0)


async def test_entries_stored_before_the_clock_of_redis_was_set_back_are_deleted(valkey: LocalValkey) -> None:
    ahead = 0.0

    def clock() -> float:
        return get_monotonic_seconds() + ahead

    async with run_tier(valkey, clock=clock) as made, Redis.from_url(valkey.url, protocol=2) as client:
        await build_entry(made, ONE, TWO)
        await made.invalidate(["tag-2"])
        ahead = 0.5  # measurements differ a little
        await asyncio.sleep(12 * RETRY_DELAY)
        assert await client.exists(made._key("a", made._run_id, "name-1")) == 1
        ahead = 3_600.0  # Redis falls behind, as if its clock was set back
        async with asyncio.timeout(10):
            while await client.exists(made._key("a", made._run_id, "name-1")):  # noqa: ASYNC110 - it is at Redis
                await asyncio.sleep(RETRY_DELAY)
        # What was invalidated stays invalid.
        assert await client.exists(made._key("t", made._run_id, "tag-2")) == 1
        assert made.is_subscribed
        await build_entry(made, ONE)
        assert await client.exists(made._key("a", made._run_id, "name-1")) == 1
