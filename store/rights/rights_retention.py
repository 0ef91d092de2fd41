"""Retention of data about people's rights: never purges open requests, or restrictions in force."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import exists, func
from sqlalchemy.ext.asyncio import AsyncConnection

from store.ledger.ledger_retention import FIVE_YEARS_IN_DAYS
from store.retention.deletion import build_outside_open_breaches, delete_rows, delete_with_steps
from store.retention.retention_policy import PurgeBounds, PurgeResult
from store.tables import data_request_events, data_requests, exports, page_sessions, restrictions

_LONGEST_EXPORT = timedelta(days=1)


class ClosedDataRequests:
    """Answered and withdrawn data requests, with all their steps and texts.

    They hold people's own words, and are kept no longer than an answer may be disputed.
    """

    name = "data-requests"
    days = 365
    classes = ()
    must_outlive = ()

    async def purge(self, connection: AsyncConnection, bounds: PurgeBounds) -> PurgeResult:
        """Deletes closed requests, except those of restrictions in force, which the person needs to end them."""
        columns = data_requests.c
        over = (
            (columns.closed_at < bounds.compute_cutoff())
            & ~exists().where(restrictions.c.id == columns.number, restrictions.c.ended_at.is_(None))
            & build_outside_open_breaches(columns.received_at, columns.closed_at)
        )
        return await delete_with_steps(connection, data_requests, over, data_request_events, written_at="received_at")


class EndedRestrictions:
    """Ended restrictions.

    They prove that a read in the ledger was not restricted at its time, so they are kept as long as the ledger.
    """

    name = "restrictions"
    days = FIVE_YEARS_IN_DAYS
    classes = ()
    must_outlive = ("ledger",)

    async def purge(self, connection: AsyncConnection, bounds: PurgeBounds) -> PurgeResult:
        """Deletes ended restrictions."""
        columns = restrictions.c
        over = (columns.ended_at < bounds.compute_cutoff()) & build_outside_open_breaches(
            columns.since, columns.ended_at
        )
        gone = await delete_rows(connection, restrictions, over, written_at=columns.since)
        return PurgeResult(rows=gone.rows, oldest=gone.oldest, newest=gone.newest)


class PastExports:
    """Past exports, needed to run one at a time and to limit the number per hour.

    Their reads are in the ledger.
    """

    name = "exports"
    days = 1
    classes = ()
    must_outlive = ()

    async def purge(self, connection: AsyncConnection, bounds: PurgeBounds) -> PurgeResult:
        """Deletes exports that ended, or whose hub died: no export runs for a day."""
        columns = exports.c
        ended = func.coalesce(columns.ended_at, columns.began_at + _LONGEST_EXPORT)
        over = (columns.began_at < bounds.compute_cutoff()) & build_outside_open_breaches(columns.began_at, ended)
        gone = await delete_rows(connection, exports, over, written_at=columns.began_at)
        return PurgeResult(rows=gone.rows, oldest=gone.oldest, newest=gone.newest)


class PastSessions:
    """Expired sessions of the hub's own pages. A session that the person ends is deleted immediately."""

    name = "sessions"
    days = 1
    classes = ()
    must_outlive = ()

    async def purge(self, connection: AsyncConnection, bounds: PurgeBounds) -> PurgeResult:
        """Deletes expired sessions. They prove nothing, so no breach keeps them."""
        columns = page_sessions.c
        gone = await delete_rows(
            connection, page_sessions, columns.ends_at < bounds.compute_cutoff(), written_at=columns.started_at
        )
        return PurgeResult(rows=gone.rows, oldest=gone.oldest, newest=gone.newest)
