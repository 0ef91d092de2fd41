"""Retention of consents: never purges consents in force, waiting requests, or undelivered notifications."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from records.hub.clients import ClientId
from records.hub.consents import Consent
from services.consents.consent_purge import ConsentPurger
from store.consents.consent_events import ConsentEvents
from store.consents.consent_maintenance import ConsentMaintenance
from store.consents.consent_requests import ConsentRequestTable
from store.consents.consent_table import ConsentTable
from store.consents.verification_tries import VerificationTries
from store.consents.webhook_outbox import WebhookOutbox
from store.tables import consent_requests, verification_tries
from tests.fakes.clients import build_client
from tests.store.consents.consent_steps import (
    PEOPLE,
    SEALED_BUDI,
    SEALED_SITI,
    create_request,
    grant_consent,
    open_request,
)
from tests.store.retention.aging import age_rows, close_breaches, count_rows, open_breach, purge

TABLES = ("consents", "consent_requests", "consent_events", "webhook_calls")
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def hub(migrated: AsyncEngine) -> AsyncEngine:
    """The hub's database without requests."""
    return migrated


async def run_maintenance(engine: AsyncEngine) -> None:
    """The hub's own maintenance: records expiries, purges data, notifies partners."""
    upkeep = ConsentMaintenance(engine)
    for step in (upkeep.expire_requests, upkeep.close_requests, upkeep.expire_consents):
        await step()
    await ConsentPurger(upkeep, (VerificationTries(engine),), PEOPLE).purge_ended()
    outbox = WebhookOutbox(engine)
    for call in await outbox.claim(100, lease=MINUTE):
        await outbox.mark_delivered(call)


async def create_revoked_consent(engine: AsyncEngine) -> Consent:
    """A consent that was granted and revoked, with its partner notified."""
    consent = await grant_consent(ConsentRequestTable(engine, timeout=30))
    assert await ConsentTable(engine, timeout=30).revoke(SEALED_SITI, consent.id, request_id="r-3") is not None
    await run_maintenance(engine)
    return consent


async def changed(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as connection:
        assert (await connection.execute(text(statement))).rowcount == 1


async def test_an_ended_consent_is_purged_with_its_request_and_their_events(hub: AsyncEngine) -> None:
    consent = await create_revoked_consent(hub)
    kept = await grant_consent(ConsentRequestTable(hub, timeout=30), days=3650)
    await run_maintenance(hub)
    await age_rows(hub, 1826)
    receipt = (await purge(hub, "webhook-calls:3650"))["consents"]
    assert receipt.removed == "rows=1 consent_events=7 consent_requests=1 webhook_calls=2"
    assert receipt.kept_days == "1825"
    assert receipt.oldest == receipt.newest == consent.granted_at - timedelta(days=1826)
    page = await ConsentTable(hub, timeout=30).load_page(SEALED_SITI, 10, None)
    assert [each.id for each in page.consents] == [kept.id]
    assert await ConsentEvents(hub).list_events(consent.id) == []
    assert [each.event for each in await ConsentEvents(hub).list_events(kept.id)] == ["granted", "told"]
    assert await count_rows(hub, *TABLES) == {
        "consents": 1,
        "consent_requests": 1,
        "consent_events": 4,
        "webhook_calls": 1,
    }
    assert await purge(hub, "webhook-calls:3650") == {}


async def test_the_retention_of_a_consent_starts_at_its_end(hub: AsyncEngine) -> None:
    await grant_consent(ConsentRequestTable(hub, timeout=30), days=30)
    await age_rows(hub, 1825 + 29)
    await run_maintenance(hub)
    assert "consents" not in await purge(hub)
    await age_rows(hub, 2)
    assert (await purge(hub))["consents"].removed.startswith("rows=1 ")


async def test_a_purged_request_is_unknown_to_its_partner(hub: AsyncEngine) -> None:
    table = ConsentRequestTable(hub, timeout=30)
    consent = await create_revoked_consent(hub)
    async with hub.connect() as connection:
        request = (await connection.execute(select(consent_requests.c.id))).scalar_one()
    assert await table.load_outcome(ClientId.from_stored(consent.client), request) is not None
    await age_rows(hub, 1826)
    await purge(hub)
    assert await table.load_outcome(ClientId.from_stored(consent.client), request) is None


@pytest.mark.parametrize(
    "not_yet",
    [
        "UPDATE consents SET purged_at = NULL",
        "UPDATE consents SET revoked_at = NULL",
        "UPDATE webhook_calls SET delivered_at = NULL WHERE type = 'consent.revoked'",
    ],
    ids=["its data is not purged", "its end is not recorded", "its partner is not notified"],
)
async def test_a_consent_is_kept_until_its_end_is_processed(hub: AsyncEngine, not_yet: str) -> None:
    await create_revoked_consent(hub)
    await age_rows(hub, 1900)
    await changed(hub, not_yet)
    assert "consents" not in await purge(hub)
    assert (await count_rows(hub, "consents", "consent_requests")) == {"consents": 1, "consent_requests": 1}


async def test_rows_in_the_window_of_an_open_breach_are_kept_until_it_is_closed(hub: AsyncEngine) -> None:
    await create_revoked_consent(hub)
    await open_request(
        ConsentRequestTable(hub, timeout=30),
        SEALED_BUDI,
        refused := await create_request(ConsentRequestTable(hub, timeout=30)),
    )
    await ConsentRequestTable(hub, timeout=30).refuse(SEALED_BUDI, refused, request_id="r-4")
    await age_rows(hub, 1)
    await run_maintenance(hub)
    await VerificationTries(hub).count({"c-1": 1})
    before = await count_rows(hub, *TABLES, "verification_tries")
    await age_rows(hub, 1826)
    await open_breach(hub, since=1830, until=1820)
    assert await purge(hub) == {}
    assert await count_rows(hub, *TABLES, "verification_tries") == before
    await close_breaches(hub)
    assert sorted(await purge(hub)) == ["consent-requests", "consents", "verification-tries"]
    assert set((await count_rows(hub, *TABLES, "verification_tries")).values()) == {0}


async def test_a_breach_of_another_period_keeps_nothing(hub: AsyncEngine) -> None:
    await create_revoked_consent(hub)
    await age_rows(hub, 1900)
    await open_breach(hub, since=1800, until=1700)
    assert "consents" in await purge(hub)


async def test_a_dry_run_returns_the_same_receipts_and_deletes_nothing(hub: AsyncEngine) -> None:
    await create_revoked_consent(hub)
    await age_rows(hub, 1900)
    before = await count_rows(hub, *TABLES)
    receipts = await purge(hub, dry_run=True)
    assert await count_rows(hub, *TABLES) == before
    assert receipts["consents"].removed == (await purge(hub))["consents"].removed


async def test_ungranted_requests_are_purged_with_their_events(hub: AsyncEngine) -> None:
    table = ConsentRequestTable(hub, timeout=30)
    refused, silent = await create_request(table, state="refused"), await create_request(table, state="silent")
    await grant_consent(table, days=3650, state="granted")
    assert await open_request(table, SEALED_BUDI, refused)
    await table.refuse(SEALED_BUDI, refused, request_id="r-3")
    await age_rows(hub, 1)
    await run_maintenance(hub)
    await age_rows(hub, 91)
    waiting = await create_request(table, state="waiting")
    assert await open_request(table, SEALED_BUDI, waiting)
    answered = await create_request(table, state="answered")
    assert await open_request(table, SEALED_BUDI, answered)
    await table.refuse(SEALED_BUDI, answered, request_id="r-4")
    receipt = (await purge(hub, "webhook-calls:3650"))["consent-requests"]
    assert receipt.removed == "rows=2 consent_events=7 webhook_calls=2"
    assert (
        await table.load_outcome(build_client("bank"), refused),
        await table.load_outcome(build_client("bank"), silent),
    ) == (
        None,
        None,
    )
    assert (await count_rows(hub, "consent_requests", "consents")) == {"consent_requests": 3, "consents": 1}
    assert await table.load_outcome(build_client("bank"), waiting) is not None


@pytest.mark.parametrize(
    "not_yet",
    [
        "UPDATE consent_requests SET closed_at = NULL",
        "UPDATE webhook_calls SET delivered_at = NULL",
    ],
    ids=["it is not closed", "its partner is not notified"],
)
async def test_a_request_is_kept_until_it_is_processed(hub: AsyncEngine, not_yet: str) -> None:
    await create_request(ConsentRequestTable(hub, timeout=30))
    await age_rows(hub, 1)
    await run_maintenance(hub)
    await age_rows(hub, 91)
    await changed(hub, not_yet)
    assert "consent-requests" not in await purge(hub)
    assert await count_rows(hub, "consent_requests") == {"consent_requests": 1}


async def test_verification_tries_are_purged_by_day_and_never_of_today(hub: AsyncEngine) -> None:
    today = datetime.now(UTC).date()
    async with hub.begin() as connection:
        for days in (0, 6, 7, 8, 9):
            row = {"consent": "c-1", "day": today - timedelta(days=days), "tries": 3}
            await connection.execute(insert(verification_tries).values(row))
    assert (await purge(hub))["verification-tries"].removed == "rows=2"
    await purge(hub, "verification-tries:1")
    async with hub.connect() as connection:
        assert (await connection.execute(select(verification_tries.c.day))).scalars().all() == [today]


async def test_finished_webhooks_are_purged_and_their_outcome_stays_recorded(hub: AsyncEngine) -> None:
    outbox, table = WebhookOutbox(hub), ConsentRequestTable(hub, timeout=30)
    for became in ("delivered", "given up", "waits"):
        await grant_consent(table, days=3650)
        for call in await outbox.claim(100, lease=MINUTE):
            if became == "delivered":
                await outbox.mark_delivered(call)
            else:
                again = None if became == "given up" else MINUTE
                await outbox.mark_failed(call, "500", retry_in=again)
    await age_rows(hub, 29)
    assert "webhook-calls" not in await purge(hub)
    await age_rows(hub, 2)
    assert (await purge(hub))["webhook-calls"].removed == "rows=2"
    [waits] = await outbox.list_calls()
    assert (waits.failure, waits.delivered_at, waits.given_up_at) == ("500", None, None)
    assert await count_rows(hub, "consents", "consent_events") == {"consents": 3, "consent_events": 11}
