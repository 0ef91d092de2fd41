"""Time that passes in the hub's own database, for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Date, DateTime, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from store.purging import keeping_from
from store.receipts import Receipt
from store.retained import retained
from store.retention import Retention
from store.tables import breaches, metadata
from tests.store.ledger import SECRET

_APART = {"breaches", "purge_receipts"}


async def aged(engine: AsyncEngine, days: int) -> None:
    """Let everything have happened so many days earlier, but for breaches and receipts."""
    async with engine.begin() as connection:
        for table in metadata.sorted_tables:
            earlier = {
                column.name: column - (days if isinstance(column.type, Date) else timedelta(days=days))
                for column in table.columns
                if isinstance(column.type, (Date, DateTime))
            }
            if earlier and table.name not in _APART:
                await connection.execute(update(table).values(earlier))


async def purged(engine: AsyncEngine, *words: str, dry_run: bool = False) -> dict[str, Receipt]:
    """Purge what is over under these settings: the receipt of each kind that had any."""
    retention = Retention(engine, SECRET, retained(), keeping_from(words, retained()))
    return {each.name: each for each in await retention.purge(by="rina", dry_run=dry_run)}


async def rows(engine: AsyncEngine, *tables: str) -> dict[str, int]:
    """How many rows each table has."""
    async with engine.connect() as connection:
        return {
            name: (await connection.execute(select(func.count()).select_from(metadata.tables[name]))).scalar_one()
            for name in tables
        }


async def breach_of(engine: AsyncEngine, *, since: float, until: float) -> None:
    """Open a breach whose window lies so many days back."""
    now = datetime.now(UTC)
    window = {"starts_at": now - timedelta(days=since), "ends_at": now - timedelta(days=until)}
    async with engine.begin() as connection:
        await connection.execute(
            insert(breaches).values(name="B-1", opened_by="rina", known_since=now, what="a key was stolen", **window)
        )


async def closed(engine: AsyncEngine) -> None:
    """Close every breach."""
    async with engine.begin() as connection:
        await connection.execute(update(breaches).values(closed_at=datetime.now(UTC), closed_by="rina"))
