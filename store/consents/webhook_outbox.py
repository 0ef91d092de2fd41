"""The outbox of webhooks: written in the transaction of the event, sent by any hub.

A claimed webhook is hidden from other hubs for the time of a lease. If its hub dies, another one sends it. So a partner
may receive a webhook twice, always with the same id, but never misses one until it is given up.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

from sqlalchemy import exists, func, insert, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from records.hub.clients import ClientId
from records.hub.webhooks import WebhookCall, WebhookType
from store.consents.consent_events import ConsentActor, ConsentEventType, NewConsentEvent, record_consent_event
from store.prepared_statement import PreparedStatement
from store.tables import webhook_calls

_IS_OPEN = webhook_calls.c.delivered_at.is_(None) & webhook_calls.c.given_up_at.is_(None)
_IS_DUE = _IS_OPEN & (webhook_calls.c.next_at <= func.now())
_MAX_FAILURE_LENGTH = 200


async def enqueue_webhook(
    connection: AsyncConnection,
    type_: WebhookType,
    *,
    client: ClientId,
    data: Mapping[str, Any],
    request: str | None = None,
    consent: str | None = None,
) -> None:
    """Enqueues a webhook, to be sent after the commit. `data` holds no personal data."""
    payload = {
        "type": type_.value,
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "data": dict(data),
    }
    row = {
        "id": f"msg_{token_hex(16)}",
        "client": client,
        "type": type_.value,
        "request": request,
        "consent": consent,
        "body": json.dumps(payload, separators=(",", ":")),
    }
    await connection.execute(insert(webhook_calls).values(row))


class WebhookOutbox:
    """The outbox."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._has_due = PreparedStatement(select(exists().where(_IS_DUE)))
        self._has_news = asyncio.Event()

    def announce(self) -> None:
        """Wake the delivery of this process, after the commit of a webhook."""
        self._has_news.set()

    async def wait(self, seconds: float) -> None:
        """Wait until a webhook is announced, or for some seconds: other processes announce nothing here."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._has_news.wait()
        self._has_news.clear()

    async def claim(self, limit: int, *, lease: timedelta) -> Sequence[WebhookCall]:
        """Claims webhooks that are due; no other hub sends them during the lease.

        Clients take turns, so that a client that does not answer cannot delay the webhooks of others, however many it
        has.
        """
        if not await self._has_due.load_value(self._engine):  # usually, and this costs a fraction of a claim
            return []
        columns = webhook_calls.c
        turn = func.row_number().over(partition_by=columns.client, order_by=columns.next_at).label("turn")
        queue = select(columns.id, turn).where(_IS_DUE).subquery()
        due = select(columns.id).join(queue, queue.c.id == columns.id).where(_IS_DUE)
        due = due.order_by(queue.c.turn, columns.next_at).limit(limit)
        due = due.with_for_update(skip_locked=True, of=webhook_calls)
        taken = (
            update(webhook_calls)
            .where(webhook_calls.c.id.in_(due.scalar_subquery()))
            .values(next_at=func.now() + lease, attempts=webhook_calls.c.attempts + 1)
            .returning(webhook_calls)
        )
        async with self._engine.begin() as connection:
            return [_to_webhook_call(row) for row in (await connection.execute(taken)).mappings()]

    async def mark_delivered(self, call: WebhookCall) -> None:
        """Records that the partner accepted a webhook."""
        async with self._engine.begin() as connection:
            if await self._end_call(connection, call, delivered_at=func.now(), failure=None):
                await _record_delivery(connection, call, "delivered")

    async def mark_failed(self, call: WebhookCall, failure: str, *, retry_in: timedelta | None) -> None:
        """Records a failed attempt; `retry_in` is the time until the next one, and None gives up."""
        failure = failure[:_MAX_FAILURE_LENGTH]
        async with self._engine.begin() as connection:
            if retry_in is not None:
                later = update(webhook_calls).where(webhook_calls.c.id == call.id, _IS_OPEN)
                await connection.execute(later.values(next_at=func.now() + retry_in, failure=failure))
            elif await self._end_call(connection, call, given_up_at=func.now(), failure=failure):
                await _record_delivery(connection, call, "given up")

    async def list_calls(self, *, client: ClientId | None = None, limit: int = 100) -> Sequence[WebhookCall]:
        """Returns the newest webhooks in any state."""
        wanted = select(webhook_calls).order_by(webhook_calls.c.created_at.desc(), webhook_calls.c.id).limit(limit)
        if client is not None:
            wanted = wanted.where(webhook_calls.c.client == client)
        async with self._engine.connect() as connection:
            return [_to_webhook_call(row) for row in (await connection.execute(wanted)).mappings()]

    async def _end_call(self, connection: AsyncConnection, call: WebhookCall, **values: Any) -> bool:  # noqa: ANN401 - columns
        ended = update(webhook_calls).where(webhook_calls.c.id == call.id, _IS_OPEN).values(**values)
        return (await connection.execute(ended.returning(webhook_calls.c.id))).scalar() is not None


async def _record_delivery(connection: AsyncConnection, call: WebhookCall, outcome: str) -> None:
    await record_consent_event(
        connection,
        NewConsentEvent(
            ConsentEventType.NOTIFIED,
            client=call.client,
            by=ConsentActor.HUB,
            request=call.request,
            consent=call.consent,
            detail={"type": call.type, "became": outcome, "attempts": call.attempts},
        ),
    )


def _to_webhook_call(row: RowMapping) -> WebhookCall:
    return WebhookCall(
        id=row["id"],
        client=ClientId.from_stored(row["client"]),
        type=row["type"],
        request=row["request"],
        consent=row["consent"],
        body=row["body"],
        created_at=row["created_at"],
        attempts=row["attempts"],
        failure=row["failure"],
        next_at=row["next_at"],
        delivered_at=row["delivered_at"],
        given_up_at=row["given_up_at"],
    )
