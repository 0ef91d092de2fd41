"""Deletes rows past their retention, each kind in one statement that also counts them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Table, delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.retention.retention_policy import PurgeResult
from store.tables import breaches


class DeletedRows(NamedTuple):
    """The number of deleted rows, and the first and last time they were written."""

    rows: int
    oldest: datetime | None
    newest: datetime | None


def build_outside_open_breaches(since: ColumnElement[Any], until: ColumnElement[Any]) -> ColumnElement[bool]:
    """Builds the condition for a period outside the window of every open breach.

    Data in a window may be needed as evidence until the breach is closed (UU PDP 27/2022, article 46).
    """
    held = exists().where(breaches.c.closed_at.is_(None), since <= breaches.c.ends_at, until >= breaches.c.starts_at)
    return ~held


async def delete_rows(
    connection: AsyncConnection, table: Table, condition: ColumnElement[bool], *, written_at: ColumnElement[datetime]
) -> DeletedRows:
    """Deletes the rows that match; `written_at` is the time each was written."""
    gone = delete(table).where(condition).returning(written_at.label("written")).cte("gone")
    counted = select(func.count(), func.min(gone.c.written), func.max(gone.c.written)).select_from(gone)
    return DeletedRows(*(await connection.execute(counted)).one())


async def delete_with_steps(
    connection: AsyncConnection, table: Table, condition: ColumnElement[bool], steps: Table, *, written_at: str
) -> PurgeResult:
    """Deletes the rows that match, after their steps; both have a `number`. `written_at` is a column of the rows."""
    of_them = steps.c.number.in_(select(table.c.number).where(condition))
    gone_steps = await delete_rows(connection, steps, of_them, written_at=steps.c.at)
    gone = await delete_rows(connection, table, condition, written_at=table.c[written_at])
    with_it = {steps.name: gone_steps.rows} if gone_steps.rows else {}
    return PurgeResult(rows=gone.rows, dependent_rows=with_it, oldest=gone.oldest, newest=gone.newest)
