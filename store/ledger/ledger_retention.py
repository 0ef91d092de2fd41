"""Retention of the access ledger: deletes old entries so that the rest can still be verified.

Consecutive deleted entries leave a gap: a row with the deleted numbers and the hashes before and at the end of it,
sealed with the hub's key. `simpul ledger verify` accepts a gap, and reports any other hole. The beginnings of chains
stay: they hold no personal data, and name the heads of other chains.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.retention.deletion import build_outside_open_breaches
from store.retention.purge_receipts import encode_gap
from store.retention.retention_policy import PurgeBounds, PurgeResult
from store.tables import access_entries, access_gaps

DATA_CLASSES = ("PERSONAL", "SPECIFIC:HEALTH", "SPECIFIC:CHILD", "SPECIFIC:FINANCE")
"""Data classes as in entries (`auth/policy/rules.py`, `Classification.label`)."""
FIVE_YEARS_IN_DAYS = 1825


class LedgerEntries:
    """The entries of the access ledger."""

    name = "ledger"
    days = FIVE_YEARS_IN_DAYS
    classes = DATA_CLASSES
    must_outlive = ()

    async def purge(self, connection: AsyncConnection, bounds: PurgeBounds) -> PurgeResult:
        """Deletes entries past their retention, except those in the window of an open breach.

        For an entry that is hidden from its person at first, the retention starts on the day it becomes visible.
        """
        over = await _build_expired_condition(connection, bounds)
        columns = access_entries.c
        counted = select(columns.classification, func.count(), func.min(columns.at), func.max(columns.at)).where(over)
        counts = (await connection.execute(counted.group_by(columns.classification))).all()
        if not counts:
            return PurgeResult(rows=0)
        gaps = [{**gap, "receipt": bounds.receipt} for gap in await _delete_entries(connection, over)]
        await connection.execute(insert(access_gaps), [{**gap, "seal": bounds.seal(encode_gap(gap))} for gap in gaps])
        of_class: dict[str, int] = {}
        for classification, rows, _, _ in counts:
            for each in (classification or "").split():
                of_class[each] = of_class.get(each, 0) + rows
        return PurgeResult(
            rows=sum(rows for _, rows, _, _ in counts),
            rows_by_class=of_class,
            oldest=min(oldest for _, _, oldest, _ in counts),
            newest=max(newest for _, _, _, newest in counts),
        )


async def _build_expired_condition(connection: AsyncConnection, bounds: PurgeBounds) -> ColumnElement[bool]:
    """Builds the condition for expired entries; each of the few distinct sets of classes has its own cutoff."""
    columns = access_entries.c
    disclosed_at = func.greatest(columns.at, columns.hidden_until)  # PostgreSQL ignores nulls here
    found = select(columns.classification).where(columns.at < bounds.latest_cutoff).distinct()
    sets = (await connection.execute(found)).scalars().all()
    of_sets = [
        and_(
            columns.classification.is_not_distinct_from(each),
            disclosed_at < bounds.compute_cutoff(*(each or "").split()),
        )
        for each in sets
    ]
    return and_(
        columns.at < bounds.latest_cutoff, or_(false(), *of_sets), build_outside_open_breaches(columns.at, columns.at)
    )


async def _delete_entries(connection: AsyncConnection, over: ColumnElement[bool]) -> Sequence[dict[str, Any]]:
    """Deletes the entries. Returns the runs of deleted numbers, with the hashes before and at the end of each."""
    columns = access_entries.c
    gone = (
        access_entries.delete()
        .where(over)
        .returning(columns.chain, columns.sequence, columns.previous, columns.hash)
        .cte("gone")
    )
    place = func.row_number().over(partition_by=gone.c.chain, order_by=gone.c.sequence)
    numbered = select(gone.c.chain, gone.c.sequence, (gone.c.sequence - place).label("run")).cte("numbered")
    runs = (
        select(
            numbered.c.chain, func.min(numbered.c.sequence).label("first"), func.max(numbered.c.sequence).label("last")
        )
        .group_by(numbered.c.chain, numbered.c.run)
        .cte("runs")
    )
    begin, end = gone.alias("begin"), gone.alias("end")
    wanted = (
        select(runs.c.chain, runs.c.first, runs.c.last, begin.c.previous, end.c.hash)
        .join(begin, and_(begin.c.chain == runs.c.chain, begin.c.sequence == runs.c.first))
        .join(end, and_(end.c.chain == runs.c.chain, end.c.sequence == runs.c.last))
        .order_by(runs.c.chain, runs.c.first)
    )
    return [dict(row) for row in (await connection.execute(wanted)).mappings()]
