"""Retention of consents; never purges consents in force, waiting requests, or undelivered notifications."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, Date, DateTime, cast, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from records.hub.partner_consents import ConsentRequestAnswer
from store.ledger.ledger_retention import FIVE_YEARS_IN_DAYS
from store.retention.deletion import build_outside_open_breaches, delete_rows
from store.retention.retention_policy import PurgeBounds, PurgeResult
from store.tables import consent_events, consent_requests, consents, verification_tries, webhook_calls

_IS_UNDELIVERED: ColumnElement[bool] = webhook_calls.c.delivered_at.is_(None) & webhook_calls.c.given_up_at.is_(None)
_DAY = timedelta(days=1)


class EndedConsents:
    """Ended consents, each with its request and the events of both.

    They prove consent (UU PDP 27/2022, article 24), so they are kept as long as the ledger holds reads based on them.
    """

    name = "consents"
    days = FIVE_YEARS_IN_DAYS
    classes = ()
    must_outlive = ("ledger",)

    async def purge(self, connection: AsyncConnection, bounds: PurgeBounds) -> PurgeResult:
        """Deletes ended consents, after the purge of their data and the delivery of their webhooks."""
        columns = consents.c
        ended = func.least(columns.revoked_at, columns.expires_at)  # PostgreSQL ignores nulls here
        noted = columns.revoked_at.is_not(None) | columns.expired_at.is_not(None)
        over = (
            (ended < bounds.compute_cutoff())
            & noted
            & columns.purged_at.is_not(None)
            & ~exists().where(webhook_calls.c.consent == columns.id, _IS_UNDELIVERED)
            & ~exists().where(webhook_calls.c.request == columns.request, _IS_UNDELIVERED)
            & build_outside_open_breaches(columns.granted_at, ended)
        )
        ids, requests = select(columns.id).where(over), select(columns.request).where(over)
        calls = webhook_calls.c.consent.in_(ids) | webhook_calls.c.request.in_(requests)
        events = or_(consent_events.c.consent.in_(ids), consent_events.c.request.in_(requests))
        with_it = {
            "webhook_calls": await delete_rows(connection, webhook_calls, calls, written_at=webhook_calls.c.created_at),
            "consent_events": await delete_rows(connection, consent_events, events, written_at=consent_events.c.at),
            "consent_requests": await delete_rows(
                connection,
                consent_requests,
                consent_requests.c.id.in_(requests),
                written_at=consent_requests.c.asked_at,
            ),
        }
        gone = await delete_rows(connection, consents, over, written_at=columns.granted_at)
        return PurgeResult(
            rows=gone.rows,
            dependent_rows={table: each.rows for table, each in with_it.items() if each.rows},
            oldest=gone.oldest,
            newest=gone.newest,
        )


class UngrantedRequests:
    """Consent requests that were refused or expired, with their events.

    They no longer hold a person. Partners can look up the outcome for a while, and the city can detect excessive
    requests.
    """

    name = "consent-requests"
    days = 90
    classes = ()
    must_outlive = ()

    async def purge(self, connection: AsyncConnection, bounds: PurgeBounds) -> PurgeResult:
        """Deletes closed requests, after the delivery of their webhooks."""
        columns = consent_requests.c
        over = (
            (columns.closed_at < bounds.compute_cutoff())
            & columns.answer.in_([ConsentRequestAnswer.REFUSED.value, ConsentRequestAnswer.EXPIRED.value])
            & ~exists().where(webhook_calls.c.request == columns.id, _IS_UNDELIVERED)
            & build_outside_open_breaches(columns.asked_at, columns.closed_at)
        )
        ids = select(columns.id).where(over)
        calls = await delete_rows(
            connection, webhook_calls, webhook_calls.c.request.in_(ids), written_at=webhook_calls.c.created_at
        )
        events = await delete_rows(
            connection, consent_events, consent_events.c.request.in_(ids), written_at=consent_events.c.at
        )
        gone = await delete_rows(connection, consent_requests, over, written_at=columns.asked_at)
        with_it = {"webhook_calls": calls.rows, "consent_events": events.rows}
        return PurgeResult(
            rows=gone.rows,
            dependent_rows={table: rows for table, rows in with_it.items() if rows},
            oldest=gone.oldest,
            newest=gone.newest,
        )


class PastVerificationTries:
    """The verification attempts of past days; the limit is per day."""

    name = "verification-tries"
    days = 7
    classes = ()
    must_outlive = ()

    async def purge(self, connection: AsyncConnection, bounds: PurgeBounds) -> PurgeResult:
        """Deletes days before the cutoff; never the current day in UTC."""
        begins = func.timezone("UTC", cast(verification_tries.c.day, DateTime()))
        over = (
            verification_tries.c.day < cast(func.timezone("UTC", bounds.compute_cutoff()), Date)
        ) & build_outside_open_breaches(begins, begins + _DAY)
        gone = await delete_rows(connection, verification_tries, over, written_at=begins)
        return PurgeResult(rows=gone.rows, oldest=gone.oldest, newest=gone.newest)


class PastWebhookCalls:
    """Webhooks that were delivered or given up, kept to investigate missed notifications.

    The delivery itself is recorded in the events of the consent.
    """

    name = "webhook-calls"
    days = 30
    classes = ()
    must_outlive = ()

    async def purge(self, connection: AsyncConnection, bounds: PurgeBounds) -> PurgeResult:
        """Deletes webhooks that are no longer sent."""
        ended = func.coalesce(webhook_calls.c.delivered_at, webhook_calls.c.given_up_at)
        over = (ended < bounds.compute_cutoff()) & build_outside_open_breaches(webhook_calls.c.created_at, ended)
        gone = await delete_rows(connection, webhook_calls, over, written_at=webhook_calls.c.created_at)
        return PurgeResult(rows=gone.rows, oldest=gone.oldest, newest=gone.newest)
