"""Counts of refusals in the hub's database, and readers of an unusual number of people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from store.database import migrate
from store.ledger.access_ledger import AccessLedger
from store.ledger.refusal_counts import OTHERS, RefusalKey, RefusalTable
from store.ledger.unusual_reading import ReadingStatistics, TimeUnit
from tests.store.ledger.sample_entry import ENTRY, SECRET

HOUR = datetime(2026, 11, 29, 9, tzinfo=UTC)


def key(number: int, *, hour: datetime = HOUR) -> RefusalKey:
    return RefusalKey(hour, "citizen", b"%32d" % number, "Query.citizen", "NOT_YOURS")


async def test_refusal_counts_of_several_processes_add_up(empty: AsyncEngine) -> None:
    await migrate(empty)
    one, other = RefusalTable(empty), RefusalTable(empty)
    await one.add({key(1): 2, key(2): 1})
    await other.add({key(1): 3})
    assert {each.key: each.times for each in await one.load_since(HOUR, limit=10)} == {key(1): 5, key(2): 1}
    assert await one.load_since(HOUR + timedelta(hours=1), limit=10) == []


async def test_an_hour_has_a_row_limit_and_loses_no_count(empty: AsyncEngine) -> None:
    await migrate(empty)
    table = RefusalTable(empty, max_rows=3)
    await table.add({key(number): 1 for number in range(10)})
    await table.add({key(0): 1, key(11): 1})
    found = {each.key: each.times for each in await table.load_since(HOUR, limit=100)}
    assert found == {key(0): 2, key(1): 1, key(2): 1, key(0).to_others(): 8}
    assert key(0).to_others().field == OTHERS
    await table.add({key(20, hour=HOUR + timedelta(hours=1)): 1})
    assert len(await table.load_since(HOUR, limit=100)) == 5


async def test_refused_citizens_do_not_hide_which_official_was_refused(empty: AsyncEngine) -> None:
    await migrate(empty)
    table = RefusalTable(empty, max_rows=3)
    await table.add({key(number): 1 for number in range(10)})
    official = RefusalKey(HOUR, "official", b"O" * 32, "Query.citizen", "PURPOSE_NOT_ALLOWED")
    await table.add({official: 4})
    found = {each.key: each.times for each in await table.load_since(HOUR, limit=100)}
    assert found[official] == 4


TODAY = datetime(2026, 11, 29, tzinfo=UTC)


async def write_reads(
    empty: AsyncEngine, caller: bytes, people: int, *, hours_ago: int, kind: str = "official"
) -> None:
    ledger = AccessLedger(empty, SECRET)
    await ledger.start()
    at = TODAY + timedelta(hours=10, minutes=30) - timedelta(hours=hours_ago)
    await ledger.write(
        [
            ENTRY._replace(at=at, caller=caller, caller_kind=kind, subject=b"%32d" % number)
            for number in range(people)
            for _ in range(2)
        ]
    )
    await ledger.close()


async def test_a_reader_far_above_their_kind_or_their_own_median_is_found(empty: AsyncEngine) -> None:
    await migrate(empty)
    usual, thief, busy = b"U" * 32, b"T" * 32, b"B" * 32
    for day in range(1, 7):
        await write_reads(empty, usual, 10, hours_ago=24 * day)
        await write_reads(empty, busy, 60, hours_ago=24 * day)
    await write_reads(empty, usual, 12, hours_ago=0)
    await write_reads(empty, busy, 70, hours_ago=0)
    await write_reads(empty, thief, 400, hours_ago=0)
    await write_reads(empty, thief, 400, hours_ago=0, kind="citizen")
    found = await ReadingStatistics(empty).find_unusual(TODAY, ["official"], TimeUnit.HOUR)
    assert [(each.caller, each.people, each.own_usual, each.kind_usual) for each in found] == [(thief, 400, None, 35.0)]
    assert found[0].began == TODAY + timedelta(hours=10)
    days = await ReadingStatistics(empty).find_unusual(TODAY, ["official"], TimeUnit.DAY)
    assert [(each.caller, each.people, each.began) for each in days] == [(thief, 400, TODAY)]


async def test_a_reader_above_five_times_their_own_median_is_found_among_heavier_readers(
    empty: AsyncEngine,
) -> None:
    await migrate(empty)
    quiet, others = b"Q" * 32, b"O" * 32
    for day in range(1, 6):
        await write_reads(empty, quiet, 4, hours_ago=24 * day)
        await write_reads(empty, others, 90, hours_ago=24 * day)
    await write_reads(empty, quiet, 21, hours_ago=0)
    found = await ReadingStatistics(empty).find_unusual(TODAY, ["official"], TimeUnit.DAY)
    assert [(each.caller, each.people, each.own_usual) for each in found] == [(quiet, 21, 4.0)]


@pytest.mark.parametrize("unit", TimeUnit)
async def test_below_twenty_people_nothing_is_unusual(empty: AsyncEngine, unit: TimeUnit) -> None:
    await migrate(empty)
    await write_reads(empty, b"N" * 32, 19, hours_ago=0)
    assert await ReadingStatistics(empty).find_unusual(TODAY, ["official"], unit) == []
