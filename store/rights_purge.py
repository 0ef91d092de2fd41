"""Removing what is kept of people's rights when its time is over: nothing that is open or still obeyed."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.ledger_purge import FIVE_YEARS
from store.purging import Bounds, Removed
from store.removal import of_no_open_breach, remove
from store.tables import data_request_events, data_requests, exports, page_sessions, restrictions

_LONGEST_EXPORT = timedelta(days=1)


class ClosedDataRequests:
    """Requests of people about their own data that were answered or taken back, with every step and every word.

    They hold what people wrote, and are kept no longer than an answer is disputed.
    """

    name = "data-requests"
    days = 365
    classes = ()
    outlives = ()

    async def purge(self, connection: AsyncConnection, bounds: Bounds) -> Removed:
        """Remove what is closed; a restriction that is obeyed keeps its request, by which the person can end it."""
        columns = data_requests.c
        over = (
            (columns.closed_at < bounds.before())
            & ~exists().where(restrictions.c.id == columns.number, restrictions.c.ended_at.is_(None))
            & of_no_open_breach(columns.received_at, columns.closed_at)
        )
        events = await remove(
            connection,
            data_request_events,
            data_request_events.c.number.in_(select(columns.number).where(over)),
            written=data_request_events.c.at,
        )
        gone = await remove(connection, data_requests, over, written=columns.received_at)
        with_it = {"data_request_events": events.rows} if events.rows else {}
        return Removed(rows=gone.rows, with_it=with_it, oldest=gone.oldest, newest=gone.newest)


class EndedRestrictions:
    """Restrictions that are obeyed no more.

    They prove that what the ledger tells was read while nobody had restricted it, and are kept as long.
    """

    name = "restrictions"
    days = FIVE_YEARS
    classes = ()
    outlives = ("ledger",)

    async def purge(self, connection: AsyncConnection, bounds: Bounds) -> Removed:
        """Remove what ended."""
        columns = restrictions.c
        over = (columns.ended_at < bounds.before()) & of_no_open_breach(columns.since, columns.ended_at)
        gone = await remove(connection, restrictions, over, written=columns.since)
        return Removed(rows=gone.rows, oldest=gone.oldest, newest=gone.newest)


class PastExports:
    """That somebody fetched everything about themself; needed to let one run at a time, and not too many an hour.

    What was read for it stands in the ledger.
    """

    name = "exports"
    days = 1
    classes = ()
    outlives = ()

    async def purge(self, connection: AsyncConnection, bounds: Bounds) -> Removed:
        """Remove what ended, or never did because its hub died: none runs for a day."""
        columns = exports.c
        ended = func.coalesce(columns.ended_at, columns.began_at + _LONGEST_EXPORT)
        over = (columns.began_at < bounds.before()) & of_no_open_breach(columns.began_at, ended)
        gone = await remove(connection, exports, over, written=columns.began_at)
        return Removed(rows=gone.rows, oldest=gone.oldest, newest=gone.newest)


class PastSessions:
    """Sessions of the hub's own pages whose time is over. One that a person ended is removed in that moment."""

    name = "sessions"
    days = 1
    classes = ()
    outlives = ()

    async def purge(self, connection: AsyncConnection, bounds: Bounds) -> Removed:
        """Remove what has reached its end. It proves nothing, so no breach keeps it."""
        columns = page_sessions.c
        gone = await remove(connection, page_sessions, columns.ends_at < bounds.before(), written=columns.started_at)
        return Removed(rows=gone.rows, oldest=gone.oldest, newest=gone.newest)
