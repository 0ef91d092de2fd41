"""Removing what is kept of people's rights when its time is over: nothing that is open or still obeyed."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.ledger.ledger_retention import FIVE_YEARS_IN_DAYS
from store.retention.deletion import build_outside_open_breaches, delete_rows
from store.retention.retention_policy import PurgeBounds, PurgeResult
from store.tables import data_request_events, data_requests, exports, page_sessions, restrictions

_LONGEST_EXPORT = timedelta(days=1)


class ClosedDataRequests:
    """Requests of people about their own data that were answered or taken back, with every step and every word.

    They hold what people wrote, and are kept no longer than an answer is disputed.
    """

    name = "data-requests"
    days = 365
    classes = ()
    must_outlive = ()

    async def purge(self, connection: AsyncConnection, bounds: PurgeBounds) -> PurgeResult:
        """Remove what is closed; a restriction that is obeyed keeps its request, by which the person can end it."""
        columns = data_requests.c
        over = (
            (columns.closed_at < bounds.compute_cutoff())
            & ~exists().where(restrictions.c.id == columns.number, restrictions.c.ended_at.is_(None))
            & build_outside_open_breaches(columns.received_at, columns.closed_at)
        )
        events = await delete_rows(
            connection,
            data_request_events,
            data_request_events.c.number.in_(select(columns.number).where(over)),
            written_at=data_request_events.c.at,
        )
        gone = await delete_rows(connection, data_requests, over, written_at=columns.received_at)
        with_it = {"data_request_events": events.rows} if events.rows else {}
        return PurgeResult(rows=gone.rows, dependent_rows=with_it, oldest=gone.oldest, newest=gone.newest)


class EndedRestrictions:
    """Restrictions that are obeyed no more.

    They prove that what the ledger tells was read while nobody had restricted it, and are kept as long.
    """

    name = "restrictions"
    days = FIVE_YEARS_IN_DAYS
    classes = ()
    must_outlive = ("ledger",)

    async def purge(self, connection: AsyncConnection, bounds: PurgeBounds) -> PurgeResult:
        """Remove what ended."""
        columns = restrictions.c
        over = (columns.ended_at < bounds.compute_cutoff()) & build_outside_open_breaches(
            columns.since, columns.ended_at
        )
        gone = await delete_rows(connection, restrictions, over, written_at=columns.since)
        return PurgeResult(rows=gone.rows, oldest=gone.oldest, newest=gone.newest)


class PastExports:
    """That somebody fetched everything about themself; needed to let one run at a time, and not too many an hour.

    What was read for it stands in the ledger.
    """

    name = "exports"
    days = 1
    classes = ()
    must_outlive = ()

    async def purge(self, connection: AsyncConnection, bounds: PurgeBounds) -> PurgeResult:
        """Remove what ended, or never did because its hub died: none runs for a day."""
        columns = exports.c
        ended = func.coalesce(columns.ended_at, columns.began_at + _LONGEST_EXPORT)
        over = (columns.began_at < bounds.compute_cutoff()) & build_outside_open_breaches(columns.began_at, ended)
        gone = await delete_rows(connection, exports, over, written_at=columns.began_at)
        return PurgeResult(rows=gone.rows, oldest=gone.oldest, newest=gone.newest)


class PastSessions:
    """Sessions of the hub's own pages whose time is over. One that a person ended is removed in that moment."""

    name = "sessions"
    days = 1
    classes = ()
    must_outlive = ()

    async def purge(self, connection: AsyncConnection, bounds: PurgeBounds) -> PurgeResult:
        """Remove what has reached its end. It proves nothing, so no breach keeps it."""
        columns = page_sessions.c
        gone = await delete_rows(
            connection, page_sessions, columns.ends_at < bounds.compute_cutoff(), written_at=columns.started_at
        )
        return PurgeResult(rows=gone.rows, oldest=gone.oldest, newest=gone.newest)
