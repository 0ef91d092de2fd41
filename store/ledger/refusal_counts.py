"""Counts of refusals: by hour, caller, field and reason, with a bound of rows an hour for each kind of caller.

Unlike the access ledger, the rows are not proof: counts change, and rows are not chained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store.database_timeout import database_timeout
from store.retention.deletion import build_outside_open_breaches, delete_rows
from store.retention.retention_policy import PurgeBounds, PurgeResult
from store.tables import refusals

MAX_ROWS = 2_000
"""Rows of one hour and one kind of caller, without those for all others.

Per kind, because citizens are many: an app that asks for too much on their behalf must not hide which official was
refused. Only citizens and officials can reach it; 90 days of the worst hours of both are about 1 GB.
"""
OTHERS: Final = "(others)"
"""Replaces the field when an hour has too many rows of one kind of caller."""
_LOCK = 0x52454655
"""One writer at a time, so that the bound holds for all processes together."""


class RefusalKey(NamedTuple):
    """The key of one count."""

    hour: datetime
    kind: str
    caller: bytes
    """Pseudonym; empty for anonymous callers."""
    field: str
    reason: str

    def to_others(self) -> RefusalKey:
        """The row that counts for all others."""
        return self._replace(caller=b"", field=OTHERS)


class RefusalCount(NamedTuple):
    """A row."""

    key: RefusalKey
    times: int


class RefusalTable:
    """Stores counts in the hub's database."""

    def __init__(self, engine: AsyncEngine, *, timeout: float = 5.0, max_rows: int = MAX_ROWS) -> None:
        """`timeout` is the maximum time of a write, in seconds; no request waits for it."""
        self._engine = engine
        self._timeout = timeout
        self._max_rows = max_rows

    async def add(self, counts: Mapping[RefusalKey, int]) -> None:
        """Adds the counts to the stored ones. Raises `StateUnavailable`."""
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            bounded = await self._limit_rows(connection, counts)
            rows = [{**key._asdict(), "count": times} for key, times in sorted(bounded.items())]
            added = insert(refusals)
            added = added.on_conflict_do_update(
                index_elements=["hour", "kind", "caller", "field", "reason"],
                set_={"count": refusals.c.count + added.excluded.count},
            )
            await connection.execute(added, rows)

    async def _limit_rows(
        self, connection: AsyncConnection, counts: Mapping[RefusalKey, int]
    ) -> Mapping[RefusalKey, int]:
        """The same counts; rows beyond the limit move to the row for all others."""
        hours = {key.hour for key in counts}
        columns = refusals.c
        wanted = select(columns.hour, columns.kind, columns.caller, columns.field, columns.reason)
        known = {
            RefusalKey(row.hour, row.kind, bytes(row.caller), row.field, row.reason)
            for row in await connection.execute(wanted.where(columns.hour.in_(hours), columns.field != OTHERS))
        }
        rows = Counter((key.hour, key.kind) for key in known)
        bounded: Counter[RefusalKey] = Counter()
        for key, times in counts.items():
            is_new = key not in known and key.field != OTHERS
            if is_new and rows[key.hour, key.kind] >= self._max_rows:
                bounded[key.to_others()] += times
                continue
            rows[key.hour, key.kind] += is_new
            bounded[key] += times
        return bounded

    async def load_since(self, start: datetime, *, limit: int) -> Sequence[RefusalCount]:
        """Returns counts since an hour: newest hour first, then largest count. Raises `StateUnavailable`."""
        columns = refusals.c
        wanted = select(refusals).where(columns.hour >= start)
        wanted = wanted.order_by(columns.hour.desc(), columns.count.desc(), tuple_(columns.field, columns.reason))
        async with database_timeout(self._timeout), self._engine.connect() as connection:
            rows = (await connection.execute(wanted.limit(limit))).all()
        return [
            RefusalCount(RefusalKey(row.hour, row.kind, bytes(row.caller), row.field, row.reason), row[5])
            for row in rows
        ]


class PastRefusals:
    """Retention of refusal counts: they help to find callers that try to read data they may not."""

    name = "refusals"
    days = 90
    classes = ()
    must_outlive = ()

    async def purge(self, connection: AsyncConnection, bounds: PurgeBounds) -> PurgeResult:
        """Deletes past hours."""
        hour = refusals.c.hour
        over = (hour < bounds.compute_cutoff()) & build_outside_open_breaches(hour, hour)
        gone = await delete_rows(connection, refusals, over, written_at=hour)
        return PurgeResult(rows=gone.rows, oldest=gone.oldest, newest=gone.newest)
