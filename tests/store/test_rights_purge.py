"""What is kept of people's rights goes when its time is over: never what is open, or a restriction that is obeyed."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from records.data_requests import DataRequestState
from store.data_requests import DataRequestTable, Step
from store.exports import ExportTable
from store.tables import restrictions
from tests.store.aging import aged, breach_of, closed, purged, rows
from tests.store.test_data_requests import SITI, filing, restriction

TABLES = ("data_requests", "data_request_events", "restrictions")
DONE, REFUSED, PROGRESS = DataRequestState.DONE, DataRequestState.REFUSED, DataRequestState.IN_PROGRESS


@pytest.fixture
async def hub(migrated: AsyncEngine) -> AsyncEngine:
    """The hub's database, in which nobody asked anything yet."""
    return migrated


@pytest.fixture
def table(hub: AsyncEngine) -> DataRequestTable:
    return DataRequestTable(hub, patience=30)


async def numbers(table: DataRequestTable) -> list[str]:
    found, _ = await table.page(SITI, 100, None)
    return sorted(each.number for each in found)


async def answered(table: DataRequestTable, number: str, state: DataRequestState) -> None:
    assert await table.answer(number, Step(state=state, by="Ani", text=b"sealed")) is not None


async def test_a_closed_request_goes_with_every_step_and_an_open_one_stays_however_old(
    hub: AsyncEngine, table: DataRequestTable
) -> None:
    for number in ("done", "refused", "withdrawn", "begun", "received"):
        await table.file(filing(number))
    await answered(table, "done", PROGRESS)
    await answered(table, "done", DONE)
    await answered(table, "refused", REFUSED)
    await table.withdraw(SITI, "withdrawn", restriction=False)
    await answered(table, "begun", PROGRESS)
    await aged(hub, 366)
    receipt = (await purged(hub))["data-requests"]
    assert (receipt.removed, receipt.kept_days) == ("rows=3 data_request_events=7", "365")
    assert await numbers(table) == ["begun", "received"]
    assert await rows(hub, *TABLES) == {"data_requests": 2, "data_request_events": 3, "restrictions": 0}
    assert await purged(hub) == {}


async def test_its_days_count_from_its_answer(hub: AsyncEngine, table: DataRequestTable) -> None:
    await table.file(filing())
    await aged(hub, 400)
    await answered(table, "HAK-1", DONE)
    await aged(hub, 364)
    assert await purged(hub) == {}
    await aged(hub, 2)
    assert sorted(await purged(hub)) == ["data-requests"]


async def test_a_restriction_that_is_obeyed_keeps_its_request_so_that_it_can_be_ended(
    hub: AsyncEngine, table: DataRequestTable
) -> None:
    await table.file(restriction())
    await answered(table, "HAK-9", DONE)
    await aged(hub, 4000)
    assert await purged(hub) == {}
    ended = await table.withdraw(SITI, "HAK-9", restriction=True)
    assert ended is not None
    await aged(hub, 366)
    assert sorted(await purged(hub)) == ["data-requests"]
    assert await rows(hub, *TABLES) == {"data_requests": 0, "data_request_events": 0, "restrictions": 1}
    await aged(hub, 1825 - 366 + 1)
    assert (await purged(hub))["restrictions"].removed == "rows=1"


async def test_ended_restrictions_are_kept_as_long_as_the_ledger(hub: AsyncEngine, table: DataRequestTable) -> None:
    await table.file(restriction())
    await table.withdraw(SITI, "HAK-9", restriction=True)
    await aged(hub, 1900)
    assert "restrictions" not in await purged(hub, "ledger:3650")
    async with hub.connect() as connection:
        assert (await connection.execute(select(restrictions.c.id))).scalars().all() == ["HAK-9"]
    assert "restrictions" in await purged(hub)


async def test_what_was_there_in_the_window_of_an_open_breach_stays_until_that_is_closed(
    hub: AsyncEngine, table: DataRequestTable
) -> None:
    await table.file(filing())
    await table.file(restriction())
    await answered(table, "HAK-1", DONE)
    await table.withdraw(SITI, "HAK-9", restriction=True)
    await ExportTable(hub, patience=30).begin(SITI)
    await aged(hub, 1900)
    await breach_of(hub, since=1901, until=1899)
    assert await purged(hub) == {}
    await closed(hub)
    assert {name: each.removed for name, each in (await purged(hub)).items()} == {
        "data-requests": "rows=2 data_request_events=4",
        "restrictions": "rows=1",
        "exports": "rows=1",
    }


async def test_exports_are_forgotten_after_a_day_whether_they_ended_or_not(hub: AsyncEngine) -> None:
    table = ExportTable(hub, patience=30)
    await table.end(await table.begin(SITI))
    await table.begin(SITI)
    await aged(hub, 1)
    running = await table.begin(SITI)
    assert (await purged(hub))["exports"].removed == "rows=2"
    await table.end(running)
    assert await rows(hub, "exports") == {"exports": 1}
