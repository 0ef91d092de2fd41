"""Moves rows of the hub's own database back in time, for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Date, DateTime, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from store.retention.purge import RetentionPurge
from store.retention.purge_receipts import PurgeReceipt
from store.retention.retention_policy import parse_retention_policies
from store.retention.retention_rules import list_retention_rules
from store.tables import breaches, metadata
from tests.store.ledger.sample_entry import SECRET

_NOT_AGED = {"breaches", "purge_receipts"}


async def age_rows(engine: AsyncEngine, days: int) -> None:
    """Moves everything back by a number of days, except breaches and receipts."""
    async with engine.begin() as connection:
        for table in metadata.sorted_tables:
            earlier = {
                column.name: column - (days if isinstance(column.type, Date) else timedelta(days=days))
                for column in table.columns
                if isinstance(column.type, (Date, DateTime))
            }
            if earlier and table.name not in _NOT_AGED:
                await connection.execute(update(table).values(earlier))


async def purge(engine: AsyncEngine, *words: str, dry_run: bool = False) -> dict[str, PurgeReceipt]:
    """Purges under these settings; returns the receipt of each kind with deleted rows."""
    retention = RetentionPurge(
        engine, SECRET, list_retention_rules(), parse_retention_policies(words, list_retention_rules())
    )
    return {each.name: each for each in await retention.purge(by="rina", dry_run=dry_run)}


async def count_rows(engine: AsyncEngine, *tables: str) -> dict[str, int]:
    """The number of rows of each table."""
    async with engine.connect() as connection:
        return {
            name: (await connection.execute(select(func.count()).select_from(metadata.tables[name]))).scalar_one()
            for name in tables
        }


async def open_breach(engine: AsyncEngine, *, since: float, until: float) -> None:
    """Opens a breach whose window lasted from `since` to `until` days ago."""
    now = datetime.now(UTC)
    window = {"starts_at": now - timedelta(days=since), "ends_at": now - timedelta(days=until)}
    async with engine.begin() as connection:
        await connection.execute(
            insert(breaches).values(name="B-1", opened_by="rina", known_since=now, what="a key was stolen", **window)
        )


async def close_breaches(engine: AsyncEngine) -> None:
    """Closes every breach."""
    async with engine.begin() as connection:
        await connection.execute(update(breaches).values(closed_at=datetime.now(UTC), closed_by="rina"))
