"""Exports: one at a time, with an hourly limit, over all hubs."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from store.database import create_database_engine
from store.rights.exports import MAX_PER_HOUR, ExportRefused, ExportTable

SITI, BUDI = b"s" * 32, b"b" * 32


@pytest.fixture
async def table(migrated: AsyncEngine) -> ExportTable:
    return ExportTable(migrated, timeout=30)


async def refused(table: ExportTable) -> str:
    with pytest.raises(ExportRefused) as refusal:
        await table.begin(SITI)
    return str(refusal.value)


async def test_each_person_has_one_running_export(table: ExportTable) -> None:
    first = await table.begin(SITI)
    assert await refused(table) == "running"
    await table.begin(BUDI)
    await table.end(first)
    assert await table.begin(SITI) != first


async def test_of_many_concurrent_hubs_only_one_begins_an_export(migrated: AsyncEngine) -> None:
    engines = [create_database_engine(migrated.url.render_as_string(hide_password=False)) for _ in range(3)]
    try:
        tables = [ExportTable(each, timeout=30) for each in engines] * 3
        begun = await asyncio.gather(*(each.begin(SITI) for each in tables), return_exceptions=True)
    finally:
        for each in engines:
            await each.dispose()
    assert sum(isinstance(each, str) for each in begun) == 1
    assert {str(each) for each in begun if not isinstance(each, str)} == {"running"}


async def test_exports_per_hour_are_limited(table: ExportTable, migrated: AsyncEngine) -> None:
    for _ in range(MAX_PER_HOUR):
        await table.end(await table.begin(SITI))
    assert await refused(table) == "too many"
    async with migrated.begin() as connection:
        await connection.execute(text("UPDATE exports SET began_at = began_at - interval '61 minutes'"))
    await table.begin(SITI)


async def test_an_export_of_a_dead_hub_is_abandoned_after_a_while(table: ExportTable, migrated: AsyncEngine) -> None:
    await table.begin(SITI)
    async with migrated.begin() as connection:
        await connection.execute(text("UPDATE exports SET began_at = began_at - interval '31 minutes'"))
    await table.begin(SITI)
