"""Webhooks go to the partner under one id, with growing pauses, and are given up after three days."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.crypto.webhook_signatures import WebhookSignatures
from connectors.webhooks import WebhookSender
from records.hub.operations import ClientContract
from records.hub.webhooks import WebhookCall, WebhookType
from services.consents.webhook_delivery import GIVEN_UP_AFTER, MAX_PAUSE, WebhookDelivery, compute_pause
from store.consents.webhook_outbox import WebhookOutbox, enqueue_webhook
from store.operations.operation_registry import OperationRegistry
from store.tables import webhook_calls
from tests.fakes.clients import build_client
from tests.journeys.partner import Webhook, contract, listen

SIGNATURES = WebhookSignatures(b"a secret of thirty-two bytes....")


@pytest.fixture
async def webhook(migrated: AsyncEngine) -> AsyncIterator[Webhook]:
    async with listen() as listens:
        await publish_contract(migrated, contract(webhook=listens.url))
        yield listens


async def publish_contract(engine: AsyncEngine, terms: ClientContract) -> None:
    await OperationRegistry(engine).publish(terms, [], by="tests")


def deliveries(engine: AsyncEngine, *, development: bool = True) -> WebhookDelivery:
    sender = WebhookSender(timeout=5, development=development)
    return WebhookDelivery(
        WebhookOutbox(engine), OperationRegistry(engine), SIGNATURES, sender, development=development
    )


async def write_calls(engine: AsyncEngine, count: int = 1) -> None:
    async with engine.begin() as connection:
        for number in range(count):
            await enqueue_webhook(
                connection, WebhookType.GRANTED, client=build_client("bank"), data={"consent": str(number)}
            )


async def count_due(engine: AsyncEngine) -> None:
    """Make the next attempt due."""
    async with engine.begin() as connection:
        await connection.execute(update(webhook_calls).values(next_at=webhook_calls.c.created_at))


async def load_states(engine: AsyncEngine) -> list[tuple[str, int, str | None]]:
    return [(each.state, each.attempts, each.failure) for each in await WebhookOutbox(engine).list_calls()]


async def test_a_call_is_signed_for_its_client_and_made_once(webhook: Webhook, migrated: AsyncEngine) -> None:
    await write_calls(migrated)
    assert await deliveries(migrated).deliver() == 1
    assert await deliveries(migrated).deliver() == 0
    [got] = webhook.got
    assert got.payload["data"] == {"consent": "0"}
    assert got.is_signed_with(SIGNATURES.format_secret(build_client("bank"), 1))
    assert not got.is_signed_with(SIGNATURES.format_secret(build_client("shop"), 1))
    assert await load_states(migrated) == [("delivered", 1, None)]


async def test_several_hubs_deliver_each_call_once(webhook: Webhook, migrated: AsyncEngine) -> None:
    await write_calls(migrated, 30)

    async def empties() -> None:
        while await deliveries(migrated).deliver():
            pass

    await asyncio.gather(*(empties() for _ in range(4)))
    assert sorted(int(each.payload["data"]["consent"]) for each in webhook.got) == list(range(30))


async def test_a_failed_call_is_retried_with_the_same_id_and_a_new_time(
    webhook: Webhook, migrated: AsyncEngine
) -> None:
    webhook.answers = [500, 302, 204]
    await write_calls(migrated)
    for failure in ("AGENCY_UNAVAILABLE: HTTP 500", "AGENCY_MALFORMED: HTTP 302: redirects are not followed", None):
        assert await deliveries(migrated).deliver() == 1
        assert await deliveries(migrated).deliver() == 0
        assert (await load_states(migrated))[0][2] == failure
        await count_due(migrated)
    assert len({each.headers["webhook-id"] for each in webhook.got}) == 1
    assert all(each.is_signed_with(SIGNATURES.format_secret(build_client("bank"), 1)) for each in webhook.got)
    assert await load_states(migrated) == [("delivered", 3, None)]


async def test_the_next_attempt_uses_a_changed_address_and_secret(webhook: Webhook, migrated: AsyncEngine) -> None:
    webhook.answers = [500]
    await write_calls(migrated)
    await deliveries(migrated).deliver()
    async with listen() as other:
        await publish_contract(migrated, contract(webhook=other.url, webhook_secret=2))
        await count_due(migrated)
        await deliveries(migrated).deliver()
        assert len(webhook.got) == 1
        [got] = other.got
        for version in (1, 2):
            assert got.is_signed_with(SIGNATURES.format_secret(build_client("bank"), version))


async def test_a_partner_that_answers_gone_is_not_called_again(webhook: Webhook, migrated: AsyncEngine) -> None:
    webhook.answers = [410]
    await write_calls(migrated)
    await deliveries(migrated).deliver()
    assert await load_states(migrated) == [("given up", 1, "HTTP 410")]


async def test_a_call_that_cannot_be_made_is_retried_and_blocks_no_other(
    webhook: Webhook, migrated: AsyncEngine
) -> None:
    await publish_contract(
        migrated, contract("shop", webhook=f"https://{'a' * 64}.example/hook")
    )  # no name can be so long
    async with migrated.begin() as connection:
        await enqueue_webhook(connection, WebhookType.REVOKED, client=build_client("shop"), data={"consent": "1"})
    await write_calls(migrated)
    assert await deliveries(migrated).deliver() == 2
    assert [each.payload["data"] for each in webhook.got] == [{"consent": "0"}]
    assert await deliveries(migrated).deliver() == 0
    states = sorted(await load_states(migrated))
    with pytest.raises(UnicodeError) as unusable:  # a subclass of it, from Python 3.13 on
        ("a" * 64).encode("idna")
    name = type(unusable.value).__name__
    assert states == [("delivered", 1, None), ("waiting", 1, f"the call cannot be made: {name}")]
    async with migrated.begin() as connection:
        long_ago = webhook_calls.c.created_at - GIVEN_UP_AFTER
        await connection.execute(update(webhook_calls).values(created_at=long_ago, next_at=long_ago))
    assert await deliveries(migrated).deliver() == 1
    assert [each for each, _, _ in sorted(await load_states(migrated))] == ["delivered", "given up"]


async def test_a_contract_without_a_webhook_fails_immediately(webhook: Webhook, migrated: AsyncEngine) -> None:
    await publish_contract(migrated, contract())
    await write_calls(migrated)
    await deliveries(migrated).deliver()
    assert await load_states(migrated) == [("given up", 1, "the contract names no webhook")]
    assert webhook.got == []


async def test_outside_development_loopback_addresses_are_not_called(webhook: Webhook, migrated: AsyncEngine) -> None:
    await write_calls(migrated)
    await deliveries(migrated, development=False).deliver()
    assert await load_states(migrated) == [("given up", 1, "the webhook leads to this machine, in production")]
    assert webhook.got == []


CALL = WebhookCall(
    id="msg_1",
    client=build_client("bank"),
    type="consent.granted",
    request=None,
    consent=None,
    body="{}",
    created_at=datetime(2026, 11, 25, tzinfo=UTC),
    attempts=1,
)


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 10), (2, 40), (3, 160), (6, 10240), (7, 21600), (400, 21600)])
def test_pauses_grow_to_six_hours(attempts: int, seconds: int) -> None:
    pauses = {compute_pause(replace(CALL, attempts=attempts), CALL.created_at) for _ in range(50)}
    assert len(pauses) > 1
    for pause in pauses:
        assert pause is not None
        assert 0.8 * seconds <= pause.total_seconds() <= 1.2 * seconds


def test_after_three_days_a_call_is_given_up() -> None:
    late = CALL.created_at + GIVEN_UP_AFTER
    assert compute_pause(replace(CALL, attempts=1), late) is None
    assert compute_pause(replace(CALL, attempts=20), late - MAX_PAUSE / 2) is None
    assert compute_pause(replace(CALL, attempts=1), late - timedelta(minutes=1)) is not None
