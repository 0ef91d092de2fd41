"""Counts of uses in the hub's database."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from store.database import migrate
from store.usage.service_use_table import ServiceUseKey, ServiceUseTable

OCTOBER, NOVEMBER = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)


async def test_counts_of_several_processes_add_up_by_month(empty: AsyncEngine) -> None:
    await migrate(empty)
    one, other = ServiceUseTable(empty), ServiceUseTable(empty)
    await one.add({ServiceUseKey(OCTOBER, "bills"): 2, ServiceUseKey(NOVEMBER, "bills"): 1})
    await other.add({ServiceUseKey(OCTOBER, "bills"): 3, ServiceUseKey(OCTOBER, "gates"): 1})
    assert await one.load([OCTOBER]) == {ServiceUseKey(OCTOBER, "bills"): 5, ServiceUseKey(OCTOBER, "gates"): 1}
    assert await one.load([]) == {}
