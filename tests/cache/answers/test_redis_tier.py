"""What all processes keep together, in a real Valkey: one round trip a batch, tokens, leases, a server that goes."""

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
from tests.cache.valkey import LocalValkey

ONE, TWO = CacheKey("name-1", ("tag-1",)), CacheKey("name-2", ("tag-2", "tag-both"))
TIMEOUT, RETRY_DELAY = 0.5, 0.05


@dataclass
class RecordedInvalidations:
    """What one process was told."""

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
    told = recorded or RecordedInvalidations()
    made = RedisTier(
        valkey.url,
        max_lifetime=60.0,
        timeout=timeout,
        retry_delay=retry_delay,
        clock=clock,
        listener=InvalidationListener(
            on_invalidated=lambda tags: told.invalidated.append(list(tags)), on_unsubscribed=told.lose
        ),
    )
    await made.start()
    try:
        yield made
    finally:
        await made.close()


async def wait_until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.01)


async def build_entry(made: RedisTier, *wanted: CacheKey, body: bytes = b"body") -> None:
    looked = await made.look_up(wanted)
    assert looked is not None
    await made.store([NewSharedEntry(each, 100.0, body, 30.0) for each in wanted], looked)


async def count_reads(valkey: LocalValkey) -> dict[str, int]:
    """How often it was asked to read, by command."""
    async with Redis.from_url(valkey.url, protocol=2) as client:
        counted = await client.info("commandstats")
    return {name: counted[f"cmdstat_{name}"]["calls"] for name in ("get", "mget") if f"cmdstat_{name}" in counted}


async def test_what_was_stored_is_found_by_every_process_in_one_round_trip(valkey: LocalValkey) -> None:
    async with run_tier(valkey) as here, run_tier(valkey) as there:
        await build_entry(here, ONE, TWO)
        assert await count_reads(valkey) == {"mget": 1}
        looked = await there.look_up([ONE, TWO])
        assert looked is not None
        assert {name: each.body for name, each in looked.found.items()} == {"name-1": b"body", "name-2": b"body"}
        # Each process knows the clock of Redis by a look of its own.
        assert [each.fetched_at for each in looked.found.values()] == pytest.approx([100.0, 100.0], abs=0.1)
        assert await count_reads(valkey) == {"mget": 2}


async def test_what_was_invalidated_is_found_by_nobody_and_everybody_hears_of_it(valkey: LocalValkey) -> None:
    heard = RecordedInvalidations()
    async with run_tier(valkey) as here, run_tier(valkey, heard) as there:
        await build_entry(here, ONE, TWO)
        assert await here.invalidate(["tag-both"])
        looked = await there.look_up([ONE, TWO])
        assert looked is not None
        assert set(looked.found) == {"name-1"}
        await wait_until(lambda: heard.invalidated == [["tag-both"]])


async def test_what_was_fetched_before_an_invalidation_and_stored_after_it_is_found_by_nobody(
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


async def test_nothing_is_kept_longer_than_it_may_be_and_tokens_outlive_it(valkey: LocalValkey) -> None:
    async with run_tier(valkey) as made:
        looked = await made.look_up([ONE])
        assert looked is not None
        await made.store([NewSharedEntry(ONE, 100.0, b"body", 1_000.0)], looked)
        await made.invalidate(["tag-1"])
        async with Redis.from_url(valkey.url, protocol=2) as client:
            lives = {key.decode().split(":")[2]: await client.pttl(key) async for key in client.scan_iter("simpul:*")}
    assert 0 < lives["a"] <= 60_000
    assert lives["t"] > 60_000 + 100_000


async def test_one_process_leads_until_it_says_that_it_is_over(valkey: LocalValkey) -> None:
    async with run_tier(valkey) as here, run_tier(valkey) as there:
        assert list(await here.acquire_lease(["name-1", "name-2"])) == ["name-1", "name-2"]
        assert list(await there.acquire_lease(["name-1", "name-3"])) == ["name-3"]
        await there.release_lease(["name-1"])  # it is not theirs to end
        assert list(await there.acquire_lease(["name-1"])) == []
        await here.release_lease(["name-1"])
        assert list(await there.acquire_lease(["name-1"])) == ["name-1"]


async def test_a_server_that_is_gone_finds_nothing_fails_nobody_and_is_found_again(valkey: LocalValkey) -> None:
    heard = RecordedInvalidations()
    async with run_tier(valkey, heard) as made:
        await build_entry(made, ONE)
        lost = heard.lost
        valkey.kill()
        assert await made.look_up([ONE]) is None
        assert not made.is_subscribed
        assert heard.lost > lost
        assert list(await made.acquire_lease(["name-1"])) == ["name-1"]
        assert not await made.invalidate(["tag-1"])
        valkey.start()
        await wait_until(lambda: made.is_subscribed)
        await build_entry(made, ONE)
        looked = await made.look_up([ONE])
        assert looked is not None
        assert set(looked.found) == {"name-1"}


async def test_a_server_that_hangs_is_noticed_though_nobody_asks_it_anything(valkey: LocalValkey) -> None:
    async with run_tier(valkey) as made:
        with valkey.freeze():
            await wait_until(lambda: not made.is_subscribed)
        await wait_until(lambda: made.is_subscribed)


async def test_a_server_that_is_slow_is_let_rest_and_what_the_process_keeps_by_itself_still_counts(
    valkey: LocalValkey,
) -> None:
    heard = RecordedInvalidations()
    async with run_tier(valkey, heard, timeout=0.2, retry_delay=5.0) as made:
        lost = heard.lost
        with valkey.freeze():
            assert await made.look_up([ONE]) is None
            assert (made.is_subscribed, heard.lost) == (True, lost)
            async with asyncio.timeout(0.1):  # nobody waits for it a second time
                assert await made.look_up([ONE]) is None
                assert not await made.invalidate(["tag-1"])


async def test_many_concurrent_calls_use_few_connections_and_none_is_left_when_the_server_goes(
    valkey: LocalValkey,
) -> None:
    async with run_tier(valkey) as made:
        assert None not in await asyncio.gather(*(made.look_up([ONE]) for _ in range(100)))
        async with Redis.from_url(valkey.url, protocol=2) as client:
            here = len(await client.client_list()) - 1
        assert 2 < here <= MAX_CONNECTIONS + 2  # and the channel, and what asked which server it is
        valkey.kill()
        await wait_until(lambda: not made.is_subscribed)
        await wait_until(
            lambda: not any(each.is_connected for each in made._client.connection_pool._available_connections)
        )


async def test_leases_taken_while_the_server_hung_block_nobody_once_it_answers_again(valkey: LocalValkey) -> None:
    async with run_tier(valkey) as here, run_tier(valkey) as there:
        assert list(await here.acquire_lease(["name-1"])) == ["name-1"]
        with valkey.freeze():
            await wait_until(lambda: not here.is_subscribed)
            await here.release_lease(["name-1"])
        await wait_until(lambda: here.is_subscribed and there.is_subscribed)
        assert list(await there.acquire_lease(["name-1"])) == ["name-1"]


async def test_leases_taken_while_the_server_rested_are_released_with_the_next_lease(valkey: LocalValkey) -> None:
    async with run_tier(valkey, timeout=0.2, retry_delay=0.3) as here, run_tier(valkey) as there:
        assert list(await here.acquire_lease(["name-1"])) == ["name-1"]
        with valkey.freeze():
            await here.release_lease(["name-1"])
        async with asyncio.timeout(3):  # less than a lease lasts
            while not await there.acquire_lease(["name-1"]):
                await here.acquire_lease(["name-2"])
                await asyncio.sleep(0.05)


async def test_a_server_that_was_restarted_with_what_it_held_is_another_server(valkey: LocalValkey) -> None:
    """It may never have heard of an invalidation that came after its snapshot."""
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


async def test_without_a_server_the_hub_starts_and_goes_on_looking_for_it(valkey: LocalValkey) -> None:
    valkey.kill()
    async with run_tier(valkey) as made:
        assert not made.is_subscribed
        valkey.start()
        await wait_until(lambda: made.is_subscribed)


async def test_no_text_shows_where_redis_is(valkey: LocalValkey) -> None:
    async with run_tier(valkey) as made:
        assert repr(made) == "<RedisTier following>"
    assert repr(made) == "<RedisTier lost>"


@pytest.mark.parametrize("value", [b"", b"short", b"\0" * 9 + b"\x05"])
async def test_what_is_no_entry_is_not_found(valkey: LocalValkey, value: bytes) -> None:
    async with run_tier(valkey) as made:
        async with Redis.from_url(valkey.url, protocol=2) as client:
            run_id = (await client.info("server"))["run_id"][:16]
            await client.set(f"simpul:v1:a:{run_id}:name-1", value)
        looked = await made.look_up([ONE])
        assert looked is not None
        assert looked.found == {}


async def test_an_answer_is_as_old_for_every_process_whatever_their_own_clocks_say(valkey: LocalValkey) -> None:
    def elsewhere() -> float:
        return get_monotonic_seconds() + 500_000.0

    async with run_tier(valkey) as here, run_tier(valkey, clock=elsewhere) as there:
        looked = await here.look_up([ONE])
        assert looked is not None
        await here.store([NewSharedEntry(ONE, get_monotonic_seconds() - 40.0, b"body", 60.0)], looked)
        found = await there.look_up([ONE])
        assert found is not None
        assert elsewhere() - found.found["name-1"].fetched_at == pytest.approx(40.0, abs=1.0)


async def test_what_was_stored_before_the_clock_of_redis_was_set_back_is_forgotten(valkey: LocalValkey) -> None:
    ahead = 0.0

    def clock() -> float:
        return get_monotonic_seconds() + ahead

    async with run_tier(valkey, clock=clock) as made, Redis.from_url(valkey.url, protocol=2) as client:
        await build_entry(made, ONE, TWO)
        await made.invalidate(["tag-2"])
        ahead = 0.5  # looks differ by little
        await asyncio.sleep(12 * RETRY_DELAY)
        assert await client.exists(made._key("a", made._run_id, "name-1")) == 1
        ahead = 3_600.0  # Redis falls behind: as if its clock was set back
        async with asyncio.timeout(10):
            while await client.exists(made._key("a", made._run_id, "name-1")):  # noqa: ASYNC110 - it is at Redis
                await asyncio.sleep(RETRY_DELAY)
        # What was invalidated stays so.
        assert await client.exists(made._key("t", made._run_id, "tag-2")) == 1
        assert made.is_subscribed
        await build_entry(made, ONE)
        assert await client.exists(made._key("a", made._run_id, "name-1")) == 1
