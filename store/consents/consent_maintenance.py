"""Time-driven changes of requests and consents. Each is recorded and sent once, by whichever hub is first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, case, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from records.hub.clients import ClientId
from records.hub.consents import Consent
from records.hub.partner_consents import ConsentRequestAnswer
from records.hub.webhooks import WebhookType
from records.identifiers import Nik
from store.consents.consent_events import ConsentActor, ConsentEventType, NewConsentEvent, record_consent_event
from store.consents.consent_rows import select_consents_with_state, to_consent
from store.consents.consent_table import to_webhook_data
from store.consents.webhook_outbox import enqueue_webhook
from store.prepared_statement import PreparedStatement
from store.tables import consent_requests, consents

BATCH_SIZE = 100
"""Rows per transaction; there may be many after a night without a hub."""


_IS_OVER = consent_requests.c.answer_by <= func.now()
_IS_UNANSWERED = consent_requests.c.answer.is_(None) & _IS_OVER
_IS_CLOSABLE = consent_requests.c.closed_at.is_(None) & consent_requests.c.answer.is_not(None) & _IS_OVER
_IS_UNPURGED = consents.c.purged_at.is_(None) & (
    consents.c.revoked_at.is_not(None) | consents.c.expired_at.is_not(None)
)
_IS_EXPIRED = (
    consents.c.revoked_at.is_(None)
    & consents.c.expired_at.is_(None)
    & (consents.c.expires_at <= func.now())
    & consents.c.purged_at.is_(None)
)


class ConsentMaintenance:
    """Ends what has expired. Several hubs may call it concurrently. Methods return the number of processed rows."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        conditions = (_IS_UNANSWERED, _IS_CLOSABLE, _IS_EXPIRED, _IS_UNPURGED)
        self._has_due = PreparedStatement(select(or_(*(exists().where(each) for each in conditions))))

    async def has_due(self) -> bool:
        """Whether there is anything to do; takes a small part of the statements that do it."""
        return bool(await self._has_due.load_value(self._engine))

    async def expire_requests(self) -> int:
        """Expires unanswered requests, records that, and notifies their partners."""
        table = consent_requests
        expired = (
            update(table)
            .where(table.c.id.in_(_select_unlocked(table.c.id, _IS_UNANSWERED)))
            .values(answer=ConsentRequestAnswer.EXPIRED.value, answered_at=func.now())
            .returning(table)
        )
        async with self._engine.begin() as connection:
            rows = (await connection.execute(expired)).mappings().all()
            for row in rows:
                about = {"client": row["client"], "request": row["id"]}
                await record_consent_event(
                    connection, NewConsentEvent(ConsentEventType.UNANSWERED, by=ConsentActor.HUB, **about)
                )
                await enqueue_webhook(connection, WebhookType.UNANSWERED, data={"request": row["id"]}, **about)
        return len(rows)

    async def close_requests(self) -> int:
        """Closes requests past their answer time: removes the partner's state, and the person unless they granted."""
        table = consent_requests
        closed = update(table).where(table.c.id.in_(_select_unlocked(table.c.id, _IS_CLOSABLE))).returning(table.c.id)
        granted = table.c.answer == ConsentRequestAnswer.GRANTED.value
        async with self._engine.begin() as connection:
            rows = await connection.execute(
                closed.values(closed_at=func.now(), state=None, subject=_when(granted, table.c.subject))
            )
            return len(rows.all())

    async def expire_consents(self) -> int:
        """Records that consents expired, and notifies their partners. They ended before, at their own time."""
        expired = (
            update(consents)
            .where(consents.c.id.in_(_select_unlocked(consents.c.id, _IS_EXPIRED)))
            .values(expired_at=func.now())
            .returning(consents)
        )
        async with self._engine.begin() as connection:
            rows = (await connection.execute(expired)).mappings().all()
            for row in rows:
                about = {"client": row["client"], "request": row["request"], "consent": row["id"]}
                await record_consent_event(
                    connection, NewConsentEvent(ConsentEventType.EXPIRED, by=ConsentActor.HUB, **about)
                )
                await enqueue_webhook(connection, WebhookType.EXPIRED, data=to_webhook_data(row), **about)
        return len(rows)

    async def list_unpurged(self, open_seal: Callable[[bytes], Nik]) -> Sequence[Consent]:
        """Returns ended consents whose data is not yet purged. `open_seal` decrypts the person's seal."""
        wanted = select_consents_with_state().where(_IS_UNPURGED).limit(BATCH_SIZE)
        async with self._engine.connect() as connection:
            rows = (await connection.execute(wanted.order_by(consents.c.expires_at))).mappings().all()
        return [to_consent(open_seal(row["subject"]), row) for row in rows]

    async def mark_purged(self, consent: Consent, deleted_rows: Mapping[str, int]) -> None:
        """Records the purge of a consent's data, and the number of deleted rows; only the first call is recorded."""
        done = update(consents).where(consents.c.id == consent.id, consents.c.purged_at.is_(None))
        async with self._engine.begin() as connection:
            row = (await connection.execute(done.values(purged_at=func.now()).returning(consents.c.request))).scalar()
            if row is not None:
                await record_consent_event(
                    connection,
                    NewConsentEvent(
                        ConsentEventType.PURGED,
                        client=ClientId.from_stored(consent.client),
                        by=ConsentActor.HUB,
                        request=row,
                        consent=consent.id,
                        detail=deleted_rows,
                    ),
                )


def _select_unlocked(id_: ColumnElement[str], condition: ColumnElement[bool]) -> Any:  # noqa: ANN401 - a subquery
    """Selects some of the rows, without those that another hub has locked."""
    return select(id_).where(condition).limit(BATCH_SIZE).with_for_update(skip_locked=True).scalar_subquery()


def _when(condition: ColumnElement[bool], value: ColumnElement[bytes]) -> ColumnElement[bytes | None]:
    return case((condition, value))
