"""A breach has a name, a window and a deadline, and the ledger lists the affected people."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from records.hub.breaches import AffectedPerson, Breach
from records.hub.ledger_entries import AccessSearch
from store.ledger.access_ledger import AccessLedger
from store.ledger.breaches import Breaches, UnknownBreach
from store.retention.purge import RetentionPurge
from store.retention.retention_policy import parse_retention_policies
from store.retention.retention_rules import list_retention_rules
from tests.store.ledger.sample_entry import ENTRY, RINA, SECRET, SITI

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
BUDI = b"B" * 32
WINDOW = AccessSearch(start=NOON, end=NOON + timedelta(hours=1))


@pytest.fixture
async def breaches(migrated: AsyncEngine) -> Breaches:
    return Breaches(migrated)


async def write(engine: AsyncEngine, *entries: Any) -> None:  # noqa: ANN401 - entries
    ledger = AccessLedger(engine, SECRET)
    await ledger.start()
    await ledger.write(entries)
    await ledger.close()


def read(minute: int, **more: Any) -> Any:  # noqa: ANN401 - an entry
    return ENTRY._replace(at=NOON + timedelta(minutes=minute), **more)


async def open_breach(breaches: Breaches, search: AccessSearch = WINDOW) -> Breach:
    return await breaches.open("A laptop was stolen.", search, known_since=NOON, by="rina")


async def list_affected(breaches: Breaches, **search: Any) -> list[AffectedPerson]:  # noqa: ANN401 - what a search can name
    return [each async for each in breaches.iterate_affected(await open_breach(breaches, replace(WINDOW, **search)))]


async def test_a_breach_is_numbered_by_year_and_due_three_days_after_it_was_known(breaches: Breaches) -> None:
    first, second = await open_breach(breaches), await open_breach(breaches)
    year = datetime.now(UTC).year
    assert (first.name, second.name) == (f"B-{year}-0001", f"B-{year}-0002")
    assert first.due == NOON + timedelta(hours=72)
    assert (first.opened_by, first.known_since, first.closed_at, first.search) == ("rina", NOON, None, WINDOW)
    assert await breaches.list_all() == [first, second]
    assert await breaches.get(second.name) == second


async def test_several_may_be_opened_concurrently(breaches: Breaches) -> None:
    names = {each.name for each in await asyncio.gather(*(open_breach(breaches) for _ in range(4)))}
    assert len(names) == 4


async def test_a_breach_is_closed_once(breaches: Breaches) -> None:
    name = (await open_breach(breaches)).name
    closed = await breaches.close(name, by="joko")
    assert (closed.closed_by, closed.closed_at is not None) == ("joko", True)
    assert await breaches.get(name) == closed
    for wrong in (name, "B-1999-0001"):
        with pytest.raises(UnknownBreach, match=wrong):
            await breaches.close(wrong, by="joko")
    with pytest.raises(UnknownBreach):
        await breaches.get("B-1999-0001")


async def test_affected_people_are_listed_with_all_fields_that_were_read(
    breaches: Breaches, migrated: AsyncEngine
) -> None:
    await write(
        migrated,
        read(-1, subject=BUDI),
        read(0, fields=("Citizen.name",), agencies=("dukcapil",), classification="PERSONAL"),
        read(60, fields=("TaxBill.amount",), agencies=("pbb",), classification="PERSONAL SPECIFIC:FINANCE"),
        read(61),
        read(5, subject=None, fields=("Complaint.number",), agencies=("crm",), classification=None),
    )
    siti, unknown = await list_affected(breaches)
    assert siti == AffectedPerson(
        subject=SITI,
        reads=2,
        first=NOON,
        last=NOON + timedelta(hours=1),
        fields=("Citizen.name", "TaxBill.amount"),
        classes=("PERSONAL", "SPECIFIC:FINANCE"),
        agencies=("dukcapil", "pbb"),
        hidden_until=None,
    )
    assert (unknown.subject, unknown.reads, unknown.fields, unknown.classes) == (None, 1, ("Complaint.number",), ())


async def test_an_affected_person_has_the_time_until_which_notice_is_forbidden(
    breaches: Breaches, migrated: AsyncEngine
) -> None:
    now = datetime.now(UTC)
    until = now + timedelta(days=9)
    await write(migrated, read(1, hidden_until=until), read(2, subject=BUDI, hidden_until=now - timedelta(days=1)))
    assert {each.subject: each.hidden_until for each in await list_affected(breaches)} == {SITI: until, BUDI: None}


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ({"client": "loket"}, (BUDI,)),
        ({"caller_kind": "partner"}, ()),
        ({"caller": RINA}, (SITI,)),
        ({"agency": "dukcapil", "operation": "Check", "case": "K-2026"}, (SITI, BUDI)),
        ({"purpose": "curiosity"}, ()),
        ({"request_id": "r-17"}, (SITI, BUDI)),
    ],
    ids=str,
)
async def test_only_entries_that_match_its_filters_belong_to_a_breach(
    breaches: Breaches, migrated: AsyncEngine, search: dict[str, Any], found: tuple[bytes, ...]
) -> None:
    await write(migrated, read(1), read(2, subject=BUDI, client="loket", caller=b"J" * 32))
    assert {each.subject for each in await list_affected(breaches, **search)} == set(found)
    [kept] = await breaches.list_all()
    assert kept.search == replace(WINDOW, **search)


async def test_reads_of_a_breach_are_counted_by_reader(breaches: Breaches, migrated: AsyncEngine) -> None:
    bank = {"caller_kind": "partner", "agency": None, "client": "bank"}
    await write(migrated, read(1), read(2), read(3, **bank))
    assert await breaches.count_reads_by_reader(await open_breach(breaches)) == [
        ("official", "dukcapil", None, 2),
        ("partner", None, "bank", 1),
    ]


async def test_purged_entries_of_its_window_are_reported(breaches: Breaches, migrated: AsyncEngine) -> None:
    old = datetime.now(UTC) - timedelta(days=40)
    await write(migrated, ENTRY._replace(at=old))
    await RetentionPurge(
        migrated, SECRET, list_retention_rules(), parse_retention_policies(("ledger:30",), list_retention_rules())
    ).purge(by="hub")
    for days, purged in ((0, 1), (1, 0)):
        around = AccessSearch(start=old + timedelta(days=days), end=datetime.now(UTC))
        assert await breaches.count_purges_in_window(await open_breach(breaches, around)) == purged
