"""Webhooks are written in the transaction of their event, and sent by one hub at a time until accepted."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from records.hub.webhooks import WebhookCall, WebhookType
from store.consents.consent_events import ConsentEvents
from store.consents.webhook_outbox import WebhookOutbox, enqueue_webhook
from tests.fakes.clients import build_client

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def outbox(migrated: AsyncEngine) -> WebhookOutbox:
    return WebhookOutbox(migrated)


async def write_calls(engine: AsyncEngine, count: int = 1) -> None:
    async with engine.begin() as connection:
        for number in range(count):
            await enqueue_webhook(
                connection,
                WebhookType.REVOKED,
                client=build_client("bank"),
                data={"consent": f"c-{number}"},
                consent="c",
            )


async def test_a_webhook_is_due_immediately_and_holds_the_signed_body(
    outbox: WebhookOutbox, migrated: AsyncEngine
) -> None:
    await write_calls(migrated)
    [call] = await outbox.claim(10, lease=MINUTE)
    assert (call.client, call.type, call.attempts, call.state) == ("development/bank", "consent.revoked", 1, "waiting")
    assert call.id.startswith("msg_")
    payload = json.loads(call.body)
    assert (payload["type"], payload["data"]) == ("consent.revoked", {"consent": "c-0"})
    assert set(payload) == {"type", "timestamp", "data"}


async def test_a_wait_ends_with_the_next_announcement(outbox: WebhookOutbox) -> None:
    waiting = asyncio.create_task(outbox.wait(60))
    await asyncio.sleep(0)
    outbox.announce()
    await asyncio.wait_for(waiting, 5)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(outbox.wait(60), 0.05)


async def test_an_uncommitted_webhook_is_not_sent(outbox: WebhookOutbox, migrated: AsyncEngine) -> None:
    async with migrated.connect() as connection:
        await enqueue_webhook(connection, WebhookType.REVOKED, client=build_client("bank"), data={})
        await connection.rollback()
    assert await outbox.claim(10, lease=MINUTE) == []


async def test_each_webhook_is_claimed_by_one_of_several_hubs(outbox: WebhookOutbox, migrated: AsyncEngine) -> None:
    await write_calls(migrated, 40)
    taken = await asyncio.gather(*(outbox.claim(7, lease=MINUTE) for _ in range(8)))
    ids = [each.id for calls in taken for each in calls]
    assert len(ids) == len(set(ids)) == 40
    assert await outbox.claim(7, lease=MINUTE) == []


async def test_a_client_with_many_waiting_webhooks_does_not_delay_others(
    outbox: WebhookOutbox, migrated: AsyncEngine
) -> None:
    await write_calls(migrated, 40)
    async with migrated.begin() as connection:
        for client in ("shop", "kios"):
            await enqueue_webhook(
                connection, WebhookType.REVOKED, client=build_client(client), data={"consent": "c"}, consent="c"
            )
    first = [each.client for each in await outbox.claim(10, lease=MINUTE)]
    assert (sorted(set(first)), len(first)) == (["development/bank", "development/kios", "development/shop"], 10)


async def test_a_webhook_of_a_dead_hub_is_claimed_by_another_with_the_same_id(
    outbox: WebhookOutbox, migrated: AsyncEngine
) -> None:
    await write_calls(migrated)
    [first] = await outbox.claim(10, lease=timedelta(0))
    [second] = await outbox.claim(10, lease=MINUTE)
    assert (second.id, second.body, second.attempts) == (first.id, first.body, 2)


async def claim_ids(outbox: WebhookOutbox) -> WebhookCall:
    [call] = await outbox.claim(10, lease=timedelta(0))
    return call


async def test_a_delivered_webhook_is_not_sent_again(outbox: WebhookOutbox, migrated: AsyncEngine) -> None:
    await write_calls(migrated)
    call = await claim_ids(outbox)
    await outbox.mark_delivered(call)
    await outbox.mark_delivered(call)
    await outbox.mark_failed(call, "late", retry_in=timedelta(0))
    assert await outbox.claim(10, lease=MINUTE) == []
    [kept] = await outbox.list_calls(client=build_client("bank"))
    assert (kept.state, kept.failure) == ("delivered", None)
    assert await outbox.list_calls(client=build_client("shop")) == []
    [event] = await ConsentEvents(migrated).list_events("c")
    assert (event.event, event.detail) == (
        "told",
        {"type": "consent.revoked", "became": "delivered", "attempts": 1},
    )


async def test_a_failed_webhook_is_due_after_its_delay_with_the_reason(
    outbox: WebhookOutbox, migrated: AsyncEngine
) -> None:
    await write_calls(migrated)
    call = await claim_ids(outbox)
    await outbox.mark_failed(call, "HTTP 500", retry_in=MINUTE)
    assert await outbox.claim(10, lease=MINUTE) == []
    [kept] = await outbox.list_calls()
    assert (kept.state, kept.failure) == ("waiting", "HTTP 500")
    assert kept.next_at is not None
    assert kept.next_at > kept.created_at + timedelta(seconds=50)
    await outbox.mark_failed(call, "HTTP 500", retry_in=timedelta(0))
    assert (await claim_ids(outbox)).attempts == 2


async def test_an_abandoned_webhook_stays_listed(outbox: WebhookOutbox, migrated: AsyncEngine) -> None:
    await write_calls(migrated)
    await outbox.mark_failed(await claim_ids(outbox), "x" * 1000, retry_in=None)
    assert await outbox.claim(10, lease=MINUTE) == []
    [kept] = await outbox.list_calls()
    assert (kept.state, kept.failure) == ("given up", "x" * 200)
    [event] = await ConsentEvents(migrated).list_events("c")
    assert event.detail["became"] == "given up"
