"""Partners are told until they took it: at their own address, under one id, at ever longer pauses, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.webhook_signatures import WebhookSignatures
from connectors.webhooks import WebhookSender
from records.operations import ClientContract
from records.webhooks import WebhookCall, WebhookType
from resolvers.webhooks import GIVEN_UP_AFTER, LONGEST_PAUSE, Deliveries, pause_after
from store.operations import OperationRegistry
from store.outbox import Outbox, put
from store.tables import webhook_calls
from tests.clients import client_named
from tests.journeys.partner import Webhook, contract, listening

SIGNATURES = WebhookSignatures(b"a secret of thirty-two bytes....")


@pytest.fixture
async def webhook(migrated: AsyncEngine) -> AsyncIterator[Webhook]:
    async with listening() as listens:
        await agreed(migrated, contract(webhook=listens.url))
        yield listens


async def agreed(engine: AsyncEngine, terms: ClientContract) -> None:
    await OperationRegistry(engine).publish(terms, [], by="tests")


def deliveries(engine: AsyncEngine, *, development: bool = True) -> Deliveries:
    sender = WebhookSender(patience=5, development=development)
    return Deliveries(Outbox(engine), OperationRegistry(engine), SIGNATURES, sender, development=development)


async def written(engine: AsyncEngine, count: int = 1) -> None:
    async with engine.begin() as connection:
        for number in range(count):
            await put(connection, WebhookType.GRANTED, client=client_named("bank"), data={"consent": str(number)})


async def due(engine: AsyncEngine) -> None:
    """Let the pause be over."""
    async with engine.begin() as connection:
        await connection.execute(update(webhook_calls).values(next_at=webhook_calls.c.created_at))


async def kept(engine: AsyncEngine) -> list[tuple[str, int, str | None]]:
    return [(each.state, each.attempts, each.failure) for each in await Outbox(engine).calls()]


async def test_a_call_is_signed_for_its_client_and_made_once(webhook: Webhook, migrated: AsyncEngine) -> None:
    await written(migrated)
    assert await deliveries(migrated).deliver() == 1
    assert await deliveries(migrated).deliver() == 0
    [got] = webhook.got
    assert got.told["data"] == {"consent": "0"}
    assert got.is_signed_with(SIGNATURES.secret_of(client_named("bank"), 1))
    assert not got.is_signed_with(SIGNATURES.secret_of(client_named("shop"), 1))
    assert await kept(migrated) == [("delivered", 1, None)]


async def test_several_hubs_make_each_call_once(webhook: Webhook, migrated: AsyncEngine) -> None:
    await written(migrated, 30)

    async def empties() -> None:
        while await deliveries(migrated).deliver():
            pass

    await asyncio.gather(*(empties() for _ in range(4)))
    assert sorted(int(each.told["data"]["consent"]) for each in webhook.got) == list(range(30))


async def test_what_fails_is_sent_again_under_the_same_id_and_a_fresh_time(
    webhook: Webhook, migrated: AsyncEngine
) -> None:
    webhook.answers = [500, 302, 204]
    await written(migrated)
    for failure in ("AGENCY_UNAVAILABLE: HTTP 500", "AGENCY_MALFORMED: HTTP 302: redirects are not followed", None):
        assert await deliveries(migrated).deliver() == 1
        assert await deliveries(migrated).deliver() == 0
        assert (await kept(migrated))[0][2] == failure
        await due(migrated)
    assert len({each.headers["webhook-id"] for each in webhook.got}) == 1
    assert all(each.is_signed_with(SIGNATURES.secret_of(client_named("bank"), 1)) for each in webhook.got)
    assert await kept(migrated) == [("delivered", 3, None)]


async def test_a_changed_address_and_secret_are_those_of_the_next_attempt(
    webhook: Webhook, migrated: AsyncEngine
) -> None:
    webhook.answers = [500]
    await written(migrated)
    await deliveries(migrated).deliver()
    async with listening() as other:
        await agreed(migrated, contract(webhook=other.url, webhook_secret=2))
        await due(migrated)
        await deliveries(migrated).deliver()
        assert len(webhook.got) == 1
        [got] = other.got
        for version in (1, 2):
            assert got.is_signed_with(SIGNATURES.secret_of(client_named("bank"), version))


async def test_a_partner_that_says_gone_is_left_alone(webhook: Webhook, migrated: AsyncEngine) -> None:
    webhook.answers = [410]
    await written(migrated)
    await deliveries(migrated).deliver()
    assert await kept(migrated) == [("given up", 1, "HTTP 410")]


async def test_a_call_that_cannot_even_be_made_waits_like_one_that_failed_and_holds_up_no_other(
    webhook: Webhook, migrated: AsyncEngine
) -> None:
    await agreed(migrated, contract("shop", webhook=f"https://{'a' * 64}.example/hook"))  # no name can be so long
    async with migrated.begin() as connection:
        await put(connection, WebhookType.REVOKED, client=client_named("shop"), data={"consent": "1"})
    await written(migrated)
    assert await deliveries(migrated).deliver() == 2
    assert [each.told["data"] for each in webhook.got] == [{"consent": "0"}]
    assert await deliveries(migrated).deliver() == 0
    states = sorted(await kept(migrated))
    assert states == [("delivered", 1, None), ("waiting", 1, "the call cannot be made: UnicodeEncodeError")]
    async with migrated.begin() as connection:
        long_ago = webhook_calls.c.created_at - GIVEN_UP_AFTER
        await connection.execute(update(webhook_calls).values(created_at=long_ago, next_at=long_ago))
    assert await deliveries(migrated).deliver() == 1
    assert [each for each, _, _ in sorted(await kept(migrated))] == ["delivered", "given up"]


async def test_a_contract_without_a_webhook_gives_up_at_once(webhook: Webhook, migrated: AsyncEngine) -> None:
    await agreed(migrated, contract())
    await written(migrated)
    await deliveries(migrated).deliver()
    assert await kept(migrated) == [("given up", 1, "the contract names no webhook")]
    assert webhook.got == []


async def test_outside_development_this_machine_itself_is_not_called(webhook: Webhook, migrated: AsyncEngine) -> None:
    await written(migrated)
    await deliveries(migrated, development=False).deliver()
    assert await kept(migrated) == [("given up", 1, "the webhook leads to this machine, in production")]
    assert webhook.got == []


CALL = WebhookCall(
    id="msg_1",
    client=client_named("bank"),
    type="consent.granted",
    request=None,
    consent=None,
    body="{}",
    created_at=datetime(2026, 11, 25, tzinfo=UTC),
    attempts=1,
)


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 10), (2, 40), (3, 160), (6, 10240), (7, 21600), (400, 21600)])
def test_pauses_grow_to_six_hours(attempts: int, seconds: int) -> None:
    pauses = {pause_after(replace(CALL, attempts=attempts), CALL.created_at) for _ in range(50)}
    assert len(pauses) > 1
    for pause in pauses:
        assert pause is not None
        assert 0.8 * seconds <= pause.total_seconds() <= 1.2 * seconds


def test_after_three_days_a_call_is_given_up() -> None:
    late = CALL.created_at + GIVEN_UP_AFTER
    assert pause_after(replace(CALL, attempts=1), late) is None
    assert pause_after(replace(CALL, attempts=20), late - LONGEST_PAUSE / 2) is None
    assert pause_after(replace(CALL, attempts=1), late - timedelta(minutes=1)) is not None
