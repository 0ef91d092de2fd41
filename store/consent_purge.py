"""Removing what is kept of consents when its time is over: nothing that is in force, waits, or has still to be told."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, Date, DateTime, cast, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from records.asked_consents import Answer
from store.ledger_purge import FIVE_YEARS
from store.purging import Bounds, Removed
from store.removal import of_no_open_breach, remove
from store.tables import consent_events, consent_requests, consents, verification_tries, webhook_calls

_TO_TELL: ColumnElement[bool] = webhook_calls.c.delivered_at.is_(None) & webhook_calls.c.given_up_at.is_(None)
_DAY = timedelta(days=1)


class EndedConsents:
    """Consents that ended, each with the request it answered and everything that was noted of both.

    They are the proof of consent (UU PDP 27/2022, article 24), and are kept as long as the ledger tells of reads on
    their strength.
    """

    name = "consents"
    days = FIVE_YEARS
    classes = ()
    outlives = ("ledger",)

    async def purge(self, connection: AsyncConnection, bounds: Bounds) -> Removed:
        """Remove what ended, once what was kept under it is gone and its partner was told."""
        columns = consents.c
        ended = func.least(columns.revoked_at, columns.expires_at)  # PostgreSQL leaves nulls out
        noted = columns.revoked_at.is_not(None) | columns.expired_at.is_not(None)
        over = (
            (ended < bounds.before())
            & noted
            & columns.purged_at.is_not(None)
            & ~exists().where(webhook_calls.c.consent == columns.id, _TO_TELL)
            & ~exists().where(webhook_calls.c.request == columns.request, _TO_TELL)
            & of_no_open_breach(columns.granted_at, ended)
        )
        ids, requests = select(columns.id).where(over), select(columns.request).where(over)
        calls = webhook_calls.c.consent.in_(ids) | webhook_calls.c.request.in_(requests)
        events = or_(consent_events.c.consent.in_(ids), consent_events.c.request.in_(requests))
        with_it = {
            "webhook_calls": await remove(connection, webhook_calls, calls, written=webhook_calls.c.created_at),
            "consent_events": await remove(connection, consent_events, events, written=consent_events.c.at),
            "consent_requests": await remove(
                connection,
                consent_requests,
                consent_requests.c.id.in_(requests),
                written=consent_requests.c.asked_at,
            ),
        }
        gone = await remove(connection, consents, over, written=columns.granted_at)
        return Removed(
            rows=gone.rows,
            with_it={table: each.rows for table, each in with_it.items() if each.rows},
            oldest=gone.oldest,
            newest=gone.newest,
        )


class UngrantedRequests:
    """Requests for consent that were refused or never answered, with what was noted of them.

    Nobody is named in them any more. A partner may ask for a while what became of them, and the city whether a partner
    asks people without end.
    """

    name = "consent-requests"
    days = 90
    classes = ()
    outlives = ()

    async def purge(self, connection: AsyncConnection, bounds: Bounds) -> Removed:
        """Remove what is closed, once its partner was told."""
        columns = consent_requests.c
        over = (
            (columns.closed_at < bounds.before())
            & columns.answer.in_([Answer.REFUSED.value, Answer.EXPIRED.value])
            & ~exists().where(webhook_calls.c.request == columns.id, _TO_TELL)
            & of_no_open_breach(columns.asked_at, columns.closed_at)
        )
        ids = select(columns.id).where(over)
        calls = await remove(
            connection, webhook_calls, webhook_calls.c.request.in_(ids), written=webhook_calls.c.created_at
        )
        events = await remove(
            connection, consent_events, consent_events.c.request.in_(ids), written=consent_events.c.at
        )
        gone = await remove(connection, consent_requests, over, written=columns.asked_at)
        with_it = {"webhook_calls": calls.rows, "consent_events": events.rows}
        return Removed(
            rows=gone.rows,
            with_it={table: rows for table, rows in with_it.items() if rows},
            oldest=gone.oldest,
            newest=gone.newest,
        )


class PastTries:
    """How often was compared under a consent on a day that is over; the limit is one of a day."""

    name = "verification-tries"
    days = 7
    classes = ()
    outlives = ()

    async def purge(self, connection: AsyncConnection, bounds: Bounds) -> Removed:
        """Remove days that lie as long back; today, in UTC, is never among them."""
        begins = func.timezone("UTC", cast(verification_tries.c.day, DateTime()))
        over = (verification_tries.c.day < cast(func.timezone("UTC", bounds.before()), Date)) & of_no_open_breach(
            begins, begins + _DAY
        )
        gone = await remove(connection, verification_tries, over, written=begins)
        return Removed(rows=gone.rows, oldest=gone.oldest, newest=gone.newest)


class PastCalls:
    """Calls to partners that were delivered or given up, for whoever has to find out why one was not told.

    That a partner was told stands among the events of the consent.
    """

    name = "webhook-calls"
    days = 30
    classes = ()
    outlives = ()

    async def purge(self, connection: AsyncConnection, bounds: Bounds) -> Removed:
        """Remove calls that are made no more."""
        ended = func.coalesce(webhook_calls.c.delivered_at, webhook_calls.c.given_up_at)
        over = (ended < bounds.before()) & of_no_open_breach(webhook_calls.c.created_at, ended)
        gone = await remove(connection, webhook_calls, over, written=webhook_calls.c.created_at)
        return Removed(rows=gone.rows, oldest=gone.oldest, newest=gone.newest)
