"""What partners are told is written with what it tells of, and sent by one hub at a time until it is taken."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from records.webhooks import WebhookCall, WebhookType
from store.consent_events import ConsentEvents
from store.outbox import Outbox, put
from tests.clients import client_named

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def outbox(migrated: AsyncEngine) -> Outbox:
    return Outbox(migrated)


async def written(engine: AsyncEngine, count: int = 1) -> None:
    async with engine.begin() as connection:
        for number in range(count):
            await put(
                connection,
                WebhookType.REVOKED,
                client=client_named("bank"),
                data={"consent": f"c-{number}"},
                consent="c",
            )


async def test_a_call_is_due_at_once_and_holds_what_is_signed(outbox: Outbox, migrated: AsyncEngine) -> None:
    await written(migrated)
    [call] = await outbox.take(10, lease=MINUTE)
    assert (call.client, call.type, call.attempts, call.state) == ("development/bank", "consent.revoked", 1, "waiting")
    assert call.id.startswith("msg_")
    told = json.loads(call.body)
    assert (told["type"], told["data"]) == ("consent.revoked", {"consent": "c-0"})
    assert set(told) == {"type", "timestamp", "data"}


async def test_what_was_not_committed_is_not_sent(outbox: Outbox, migrated: AsyncEngine) -> None:
    async with migrated.connect() as connection:
        await put(connection, WebhookType.REVOKED, client=client_named("bank"), data={})
        await connection.rollback()
    assert await outbox.take(10, lease=MINUTE) == []


async def test_of_several_hubs_one_takes_each_call(outbox: Outbox, migrated: AsyncEngine) -> None:
    await written(migrated, 40)
    taken = await asyncio.gather(*(outbox.take(7, lease=MINUTE) for _ in range(8)))
    ids = [each.id for calls in taken for each in calls]
    assert len(ids) == len(set(ids)) == 40
    assert await outbox.take(7, lease=MINUTE) == []


async def test_a_client_for_whom_many_calls_wait_keeps_nobody_elses_waiting(
    outbox: Outbox, migrated: AsyncEngine
) -> None:
    await written(migrated, 40)
    async with migrated.begin() as connection:
        for client in ("shop", "kios"):
            await put(connection, WebhookType.REVOKED, client=client_named(client), data={"consent": "c"}, consent="c")
    first = [each.client for each in await outbox.take(10, lease=MINUTE)]
    assert (sorted(set(first)), len(first)) == (["development/bank", "development/kios", "development/shop"], 10)


async def test_a_call_of_a_hub_that_died_is_taken_by_the_next_under_the_same_id(
    outbox: Outbox, migrated: AsyncEngine
) -> None:
    await written(migrated)
    [first] = await outbox.take(10, lease=timedelta(0))
    [second] = await outbox.take(10, lease=MINUTE)
    assert (second.id, second.body, second.attempts) == (first.id, first.body, 2)


async def taken(outbox: Outbox) -> WebhookCall:
    [call] = await outbox.take(10, lease=timedelta(0))
    return call


async def test_what_was_taken_by_the_partner_is_not_sent_again(outbox: Outbox, migrated: AsyncEngine) -> None:
    await written(migrated)
    call = await taken(outbox)
    await outbox.delivered(call)
    await outbox.delivered(call)
    await outbox.failed(call, "late", again_in=timedelta(0))
    assert await outbox.take(10, lease=MINUTE) == []
    [kept] = await outbox.calls(client=client_named("bank"))
    assert (kept.state, kept.failure) == ("delivered", None)
    assert await outbox.calls(client=client_named("shop")) == []
    [event] = await ConsentEvents(migrated).of("c")
    assert (event.event, event.detail) == (
        "told",
        {"type": "consent.revoked", "became": "delivered", "attempts": 1},
    )


async def test_what_failed_comes_back_after_its_pause_and_keeps_the_reason(
    outbox: Outbox, migrated: AsyncEngine
) -> None:
    await written(migrated)
    call = await taken(outbox)
    await outbox.failed(call, "HTTP 500", again_in=MINUTE)
    assert await outbox.take(10, lease=MINUTE) == []
    [kept] = await outbox.calls()
    assert (kept.state, kept.failure) == ("waiting", "HTTP 500")
    assert kept.next_at is not None
    assert kept.next_at > kept.created_at + timedelta(seconds=50)
    await outbox.failed(call, "HTTP 500", again_in=timedelta(0))
    assert (await taken(outbox)).attempts == 2


async def test_what_is_given_up_stays_to_be_seen(outbox: Outbox, migrated: AsyncEngine) -> None:
    await written(migrated)
    await outbox.failed(await taken(outbox), "x" * 1000, again_in=None)
    assert await outbox.take(10, lease=MINUTE) == []
    [kept] = await outbox.calls()
    assert (kept.state, kept.failure) == ("given up", "x" * 200)
    [event] = await ConsentEvents(migrated).of("c")
    assert event.detail["became"] == "given up"
