"""What is kept of consents goes when its time is over: never what is in force, waits, or has still to be told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from records.clients import ClientId
from records.consents import Consent
from resolvers.purges import Purging
from store.consent_events import ConsentEvents
from store.consent_requests import ConsentRequestTable
from store.consent_upkeep import ConsentUpkeep
from store.consents import ConsentTable
from store.outbox import Outbox
from store.tables import consent_requests, verification_tries
from store.verification_tries import VerificationTries
from tests.clients import client_named
from tests.store.aging import aged, breach_of, closed, purged, rows
from tests.store.consents import HER, HIM, PEOPLE, asked, granted, opened

TABLES = ("consents", "consent_requests", "consent_events", "webhook_calls")
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def hub(migrated: AsyncEngine) -> AsyncEngine:
    """The hub's database, in which nobody was asked yet."""
    return migrated


async def kept_in_order(engine: AsyncEngine) -> None:
    """What the hub does by itself: note what is over, forget what was kept under it, tell partners."""
    upkeep = ConsentUpkeep(engine)
    for step in (upkeep.expire_requests, upkeep.close_requests, upkeep.expire_consents):
        await step()
    await Purging(upkeep, (VerificationTries(engine),), PEOPLE).purge_all()
    outbox = Outbox(engine)
    for call in await outbox.take(100, lease=MINUTE):
        await outbox.delivered(call)


async def revoked(engine: AsyncEngine) -> Consent:
    """A consent that was granted and taken back, and its partner told."""
    consent = await granted(ConsentRequestTable(engine))
    assert await ConsentTable(engine).revoke(HER, consent.id, request_id="r-3") is not None
    await kept_in_order(engine)
    return consent


async def changed(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as connection:
        assert (await connection.execute(text(statement))).rowcount == 1


async def test_a_consent_that_ended_goes_with_its_request_and_all_that_was_noted_of_both(hub: AsyncEngine) -> None:
    consent = await revoked(hub)
    kept = await granted(ConsentRequestTable(hub), days=3650)
    await kept_in_order(hub)
    await aged(hub, 1826)
    receipt = (await purged(hub, "webhook-calls:3650"))["consents"]
    assert receipt.removed == "rows=1 consent_events=7 consent_requests=1 webhook_calls=2"
    assert receipt.kept_days == "1825"
    assert receipt.oldest == receipt.newest == consent.granted_at - timedelta(days=1826)
    page = await ConsentTable(hub).page(HER, 10, None)
    assert [each.id for each in page.consents] == [kept.id]
    assert await ConsentEvents(hub).of(consent.id) == []
    assert [each.event for each in await ConsentEvents(hub).of(kept.id)] == ["granted", "told"]
    assert await rows(hub, *TABLES) == {
        "consents": 1,
        "consent_requests": 1,
        "consent_events": 4,
        "webhook_calls": 1,
    }
    assert await purged(hub, "webhook-calls:3650") == {}


async def test_its_days_count_from_its_end(hub: AsyncEngine) -> None:
    await granted(ConsentRequestTable(hub), days=30)
    await aged(hub, 1825 + 29)
    await kept_in_order(hub)
    assert "consents" not in await purged(hub)
    await aged(hub, 2)
    assert (await purged(hub))["consents"].removed.startswith("rows=1 ")


async def test_a_partner_who_asks_for_what_was_purged_asks_for_nothing_there_is(hub: AsyncEngine) -> None:
    table = ConsentRequestTable(hub)
    consent = await revoked(hub)
    async with hub.connect() as connection:
        request = (await connection.execute(select(consent_requests.c.id))).scalar_one()
    assert await table.outcome(ClientId.stored(consent.client), request) is not None
    await aged(hub, 1826)
    await purged(hub)
    assert await table.outcome(ClientId.stored(consent.client), request) is None


@pytest.mark.parametrize(
    "not_yet",
    [
        "UPDATE consents SET purged_at = NULL",
        "UPDATE consents SET revoked_at = NULL",
        "UPDATE webhook_calls SET delivered_at = NULL WHERE type = 'consent.revoked'",
    ],
    ids=["something is kept under it", "its end is not noted", "its partner is not told"],
)
async def test_a_consent_stays_until_its_end_is_dealt_with(hub: AsyncEngine, not_yet: str) -> None:
    await revoked(hub)
    await aged(hub, 1900)
    await changed(hub, not_yet)
    assert "consents" not in await purged(hub)
    assert (await rows(hub, "consents", "consent_requests")) == {"consents": 1, "consent_requests": 1}


async def test_what_was_there_in_the_window_of_an_open_breach_stays_until_that_is_closed(hub: AsyncEngine) -> None:
    await revoked(hub)
    await opened(ConsentRequestTable(hub), HIM, refused := await asked(ConsentRequestTable(hub)))
    await ConsentRequestTable(hub).refuse(HIM, refused, request_id="r-4")
    await aged(hub, 1)
    await kept_in_order(hub)
    await VerificationTries(hub).count({"c-1": 1})
    before = await rows(hub, *TABLES, "verification_tries")
    await aged(hub, 1826)
    await breach_of(hub, since=1830, until=1820)
    assert await purged(hub) == {}
    assert await rows(hub, *TABLES, "verification_tries") == before
    await closed(hub)
    assert sorted(await purged(hub)) == ["consent-requests", "consents", "verification-tries"]
    assert set((await rows(hub, *TABLES, "verification_tries")).values()) == {0}


async def test_a_breach_of_another_time_keeps_nothing(hub: AsyncEngine) -> None:
    await revoked(hub)
    await aged(hub, 1900)
    await breach_of(hub, since=1800, until=1700)
    assert "consents" in await purged(hub)


async def test_a_dry_run_tells_the_same_and_removes_nothing(hub: AsyncEngine) -> None:
    await revoked(hub)
    await aged(hub, 1900)
    before = await rows(hub, *TABLES)
    told = await purged(hub, dry_run=True)
    assert await rows(hub, *TABLES) == before
    assert told["consents"].removed == (await purged(hub))["consents"].removed


async def test_requests_that_nobody_granted_go_with_what_was_noted_of_them(hub: AsyncEngine) -> None:
    table = ConsentRequestTable(hub)
    refused, silent = await asked(table, state="refused"), await asked(table, state="silent")
    await granted(table, days=3650, state="granted")
    assert await opened(table, HIM, refused)
    await table.refuse(HIM, refused, request_id="r-3")
    await aged(hub, 1)
    await kept_in_order(hub)
    await aged(hub, 91)
    waiting = await asked(table, state="waiting")
    assert await opened(table, HIM, waiting)
    answered = await asked(table, state="answered")
    assert await opened(table, HIM, answered)
    await table.refuse(HIM, answered, request_id="r-4")
    receipt = (await purged(hub, "webhook-calls:3650"))["consent-requests"]
    assert receipt.removed == "rows=2 consent_events=7 webhook_calls=2"
    assert (await table.outcome(client_named("bank"), refused), await table.outcome(client_named("bank"), silent)) == (
        None,
        None,
    )
    assert (await rows(hub, "consent_requests", "consents")) == {"consent_requests": 3, "consents": 1}
    assert await table.outcome(client_named("bank"), waiting) is not None


@pytest.mark.parametrize(
    "not_yet",
    [
        "UPDATE consent_requests SET closed_at = NULL",
        "UPDATE webhook_calls SET delivered_at = NULL",
    ],
    ids=["it can still be looked at", "its partner is not told"],
)
async def test_a_request_stays_until_it_is_dealt_with(hub: AsyncEngine, not_yet: str) -> None:
    await asked(ConsentRequestTable(hub))
    await aged(hub, 1)
    await kept_in_order(hub)
    await aged(hub, 91)
    await changed(hub, not_yet)
    assert "consent-requests" not in await purged(hub)
    assert await rows(hub, "consent_requests") == {"consent_requests": 1}


async def test_tries_go_day_by_day_and_never_those_of_today(hub: AsyncEngine) -> None:
    today = datetime.now(UTC).date()
    async with hub.begin() as connection:
        for days in (0, 6, 7, 8, 9):
            row = {"consent": "c-1", "day": today - timedelta(days=days), "tries": 3}
            await connection.execute(insert(verification_tries).values(row))
    assert (await purged(hub))["verification-tries"].removed == "rows=2"
    await purged(hub, "verification-tries:1")
    async with hub.connect() as connection:
        assert (await connection.execute(select(verification_tries.c.day))).scalars().all() == [today]


async def test_calls_that_are_made_no_more_go_and_what_became_of_them_stays_noted(hub: AsyncEngine) -> None:
    outbox, table = Outbox(hub), ConsentRequestTable(hub)
    for became in ("told", "given up", "waits"):
        await granted(table, days=3650)
        for call in await outbox.take(100, lease=MINUTE):
            if became == "told":
                await outbox.delivered(call)
            else:
                again = None if became == "given up" else MINUTE
                await outbox.failed(call, "500", again_in=again)
    await aged(hub, 29)
    assert "webhook-calls" not in await purged(hub)
    await aged(hub, 2)
    assert (await purged(hub))["webhook-calls"].removed == "rows=2"
    [waits] = await outbox.calls()
    assert (waits.failure, waits.delivered_at, waits.given_up_at) == ("500", None, None)
    assert await rows(hub, "consents", "consent_events") == {"consents": 3, "consent_events": 11}
