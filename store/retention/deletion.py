"""How rows are removed when their time is over: all that holds in one statement, counted as they go."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Table, delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables import breaches


class DeletedRows(NamedTuple):
    """Rows that were removed, and from when to when they had been written."""

    rows: int
    oldest: datetime | None
    newest: datetime | None


def build_outside_open_breaches(since: ColumnElement[Any], until: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether something was over before the window of each open breach, or began after it.

    What was there in a window may have to be looked at until the breach is closed (UU PDP 27/2022, article 46).
    """
    held = exists().where(breaches.c.closed_at.is_(None), since <= breaches.c.ends_at, until >= breaches.c.starts_at)
    return ~held


async def delete_rows(
    connection: AsyncConnection, table: Table, condition: ColumnElement[bool], *, written_at: ColumnElement[datetime]
) -> DeletedRows:
    """Remove the rows that are over; `written_at` is when each was written."""
    gone = delete(table).where(condition).returning(written_at.label("written")).cte("gone")
    counted = select(func.count(), func.min(gone.c.written), func.max(gone.c.written)).select_from(gone)
    return DeletedRows(*(await connection.execute(counted)).one())
