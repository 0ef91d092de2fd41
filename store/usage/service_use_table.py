"""Counts of uses of the city's services, by month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store.database_timeout import database_timeout
from store.retention.deletion import delete_rows
from store.retention.retention_policy import PurgeBounds, PurgeResult
from store.tables import service_uses


class ServiceUseKey(NamedTuple):
    """The key of one count."""

    month: datetime
    """Its first day, in UTC."""
    service: str


class ServiceUseTable:
    """Stores counts in the hub's database. They name no person and no caller."""

    def __init__(self, engine: AsyncEngine, *, timeout: float = 5.0) -> None:
        """`timeout` is the maximum time of a statement, in seconds."""
        self._engine = engine
        self._timeout = timeout

    async def add(self, counts: Mapping[ServiceUseKey, int]) -> None:
        """Adds the counts to the stored ones. Raises `StateUnavailable`."""
        rows = [{**key._asdict(), "uses": uses} for key, uses in sorted(counts.items())]  # one order: no deadlock
        added = insert(service_uses)
        added = added.on_conflict_do_update(
            index_elements=["month", "service"], set_={"uses": service_uses.c.uses + added.excluded.uses}
        )
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            await connection.execute(added, rows)

    async def load(self, months: Sequence[datetime]) -> Mapping[ServiceUseKey, int]:
        """Returns the counts of months. Raises `StateUnavailable`."""
        wanted = select(service_uses).where(service_uses.c.month.in_(months))
        async with database_timeout(self._timeout), self._engine.connect() as connection:
            rows = (await connection.execute(wanted)).all()
        return {ServiceUseKey(row.month, row.service): row.uses for row in rows}


class PastServiceUses:
    """Retention of counts of uses: graphs of measures go back ten years."""

    name = "service-uses"
    days = 3_700
    classes = ()
    must_outlive = ()

    async def purge(self, connection: AsyncConnection, bounds: PurgeBounds) -> PurgeResult:
        """Deletes past months."""
        month = service_uses.c.month
        gone = await delete_rows(connection, service_uses, month < bounds.compute_cutoff(), written_at=month)
        return PurgeResult(rows=gone.rows, oldest=gone.oldest, newest=gone.newest)
