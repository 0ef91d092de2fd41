"""Retention of data about people's rights: never purges open requests, or restrictions in force."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from records.hub.data_requests import DataRequestState
from store.rights.data_request_table import DataRequestStep, DataRequestTable
from store.rights.exports import ExportTable
from store.tables import restrictions
from tests.store.retention.aging import age_rows, close_breaches, count_rows, open_breach, purge
from tests.store.rights.sample_requests import SITI, build_request, build_restriction

TABLES = ("data_requests", "data_request_events", "restrictions")
DONE, REFUSED, PROGRESS = DataRequestState.DONE, DataRequestState.REFUSED, DataRequestState.IN_PROGRESS


@pytest.fixture
async def hub(migrated: AsyncEngine) -> AsyncEngine:
    """The hub's database without requests."""
    return migrated


@pytest.fixture
def table(hub: AsyncEngine) -> DataRequestTable:
    return DataRequestTable(hub, timeout=30)


async def numbers(table: DataRequestTable) -> list[str]:
    found, _ = await table.load_page(SITI, 100, None)
    return sorted(each.number for each in found)


async def answer(table: DataRequestTable, number: str, state: DataRequestState) -> None:
    assert await table.answer(number, DataRequestStep(state=state, by="Ani", text=b"sealed")) is not None


async def test_a_closed_request_is_purged_with_its_steps_and_an_open_one_is_kept(
    hub: AsyncEngine, table: DataRequestTable
) -> None:
    for number in ("done", "refused", "withdrawn", "begun", "received"):
        await table.file(build_request(number))
    await answer(table, "done", PROGRESS)
    await answer(table, "done", DONE)
    await answer(table, "refused", REFUSED)
    await table.withdraw(SITI, "withdrawn", must_be_restriction=False)
    await answer(table, "begun", PROGRESS)
    await age_rows(hub, 366)
    receipt = (await purge(hub))["data-requests"]
    assert (receipt.removed, receipt.kept_days) == ("rows=3 data_request_events=7", "365")
    assert await numbers(table) == ["begun", "received"]
    assert await count_rows(hub, *TABLES) == {"data_requests": 2, "data_request_events": 3, "restrictions": 0}
    assert await purge(hub) == {}


async def test_the_retention_of_a_request_starts_at_its_answer(hub: AsyncEngine, table: DataRequestTable) -> None:
    await table.file(build_request())
    await age_rows(hub, 400)
    await answer(table, "HAK-1", DONE)
    await age_rows(hub, 364)
    assert await purge(hub) == {}
    await age_rows(hub, 2)
    assert sorted(await purge(hub)) == ["data-requests"]


async def test_a_restriction_in_force_keeps_its_request_so_that_it_can_be_ended(
    hub: AsyncEngine, table: DataRequestTable
) -> None:
    await table.file(build_restriction())
    await answer(table, "HAK-9", DONE)
    await age_rows(hub, 4000)
    assert await purge(hub) == {}
    ended = await table.withdraw(SITI, "HAK-9", must_be_restriction=True)
    assert ended is not None
    await age_rows(hub, 366)
    assert sorted(await purge(hub)) == ["data-requests"]
    assert await count_rows(hub, *TABLES) == {"data_requests": 0, "data_request_events": 0, "restrictions": 1}
    await age_rows(hub, 1825 - 366 + 1)
    assert (await purge(hub))["restrictions"].removed == "rows=1"


async def test_ended_restrictions_are_kept_as_long_as_the_ledger(hub: AsyncEngine, table: DataRequestTable) -> None:
    await table.file(build_restriction())
    await table.withdraw(SITI, "HAK-9", must_be_restriction=True)
    await age_rows(hub, 1900)
    assert "restrictions" not in await purge(hub, "ledger:3650")
    async with hub.connect() as connection:
        assert (await connection.execute(select(restrictions.c.id))).scalars().all() == ["HAK-9"]
    assert "restrictions" in await purge(hub)


async def test_rows_in_the_window_of_an_open_breach_are_kept_until_it_is_closed(
    hub: AsyncEngine, table: DataRequestTable
) -> None:
    await table.file(build_request())
    await table.file(build_restriction())
    await answer(table, "HAK-1", DONE)
    await table.withdraw(SITI, "HAK-9", must_be_restriction=True)
    await ExportTable(hub, timeout=30).begin(SITI)
    await age_rows(hub, 1900)
    await open_breach(hub, since=1901, until=1899)
    assert await purge(hub) == {}
    await close_breaches(hub)
    assert {name: each.removed for name, each in (await purge(hub)).items()} == {
        "data-requests": "rows=2 data_request_events=4",
        "restrictions": "rows=1",
        "exports": "rows=1",
    }


async def test_exports_are_purged_after_a_day_whether_they_ended_or_not(hub: AsyncEngine) -> None:
    table = ExportTable(hub, timeout=30)
    await table.end(await table.begin(SITI))
    await table.begin(SITI)
    await age_rows(hub, 1)
    running = await table.begin(SITI)
    assert (await purge(hub))["exports"].removed == "rows=2"
    await table.end(running)
    assert await count_rows(hub, "exports") == {"exports": 1}
