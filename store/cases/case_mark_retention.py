"""Retention of the marks of what people have seen."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from store.retention.deletion import delete_rows
from store.retention.retention_policy import PurgeBounds, PurgeResult
from store.tables import case_marks


class PastCaseMarks:
    """Marks of cases that the person has not opened for long. Changes before then count as seen without a mark."""

    name = "case-marks"
    days = 365
    classes = ()
    must_outlive = ()

    async def purge(self, connection: AsyncConnection, bounds: PurgeBounds) -> PurgeResult:
        """Deletes old marks. They prove nothing, so no breach keeps them."""
        columns = case_marks.c
        gone = await delete_rows(
            connection, case_marks, columns.seen_at < bounds.compute_cutoff(), written_at=columns.seen_at
        )
        return PurgeResult(rows=gone.rows, oldest=gone.oldest, newest=gone.newest)
