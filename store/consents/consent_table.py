"""Consents: a person's list of them, and their end. One conditional update ends a consent, so it ends only once."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, tuple_, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from records.hub.clients import ClientId
from records.hub.consents import Consent, ConsentPage, ConsentPosition
from records.hub.partner_consents import PartnerConsent
from records.hub.webhooks import WebhookType
from store.consents.consent_events import ConsentActor, ConsentEventType, NewConsentEvent, record_consent_event
from store.consents.consent_rows import select_consents_with_state, to_consent, to_partner_consent
from store.consents.data_preferences import SealedPerson
from store.consents.webhook_outbox import enqueue_webhook
from store.database_timeout import database_timeout
from store.tables import consent_requests, consents

_ORDER = (consents.c.granted_at, consents.c.id)


class ConsentEnd(NamedTuple):
    """A consent after a call to end it, and whether that call ended it: it may have ended before."""

    row: RowMapping
    is_new: bool


class ConsentTable:
    """Reads and ends consents. Every method raises `StateUnavailable` if the database does not answer."""

    def __init__(self, engine: AsyncEngine, *, timeout: float = 2.0) -> None:
        """Takes the hub's database; `timeout` is the maximum wait for it, in seconds."""
        self._engine = engine
        self._timeout = timeout

    async def load_page(self, person: SealedPerson, first: int, after: ConsentPosition | None) -> ConsentPage:
        """Returns the next consents of a person, newest first."""
        asked = consents.c.request == consent_requests.c.id
        wanted = select_consents_with_state().add_columns(consent_requests.c.asked_at)
        wanted = wanted.outerjoin_from(consents, consent_requests, asked).where(consents.c.subject == person.seal)
        if after is not None:
            wanted = wanted.where(tuple_(*_ORDER) < tuple_(after.at, after.id))
        wanted = wanted.order_by(*(column.desc() for column in _ORDER)).limit(first + 1)
        async with database_timeout(self._timeout), self._engine.connect() as connection:
            rows = (await connection.execute(wanted)).mappings().all()
        return ConsentPage(
            consents=tuple(to_consent(person.nik, row) for row in rows[:first]), has_more=len(rows) > first
        )

    async def revoke(self, person: SealedPerson, id_: str, *, request_id: str) -> tuple[Consent, bool] | None:
        """Revokes a consent. Returns it, and whether this call ended it; None if it is not the person's."""
        ended = await self._end_consent(id_, consents.c.subject == person.seal, ConsentActor.PERSON, request_id)
        return None if ended is None else (to_consent(person.nik, ended.row), ended.is_new)

    async def give_back(self, client: ClientId, id_: str, *, request_id: str) -> tuple[PartnerConsent, bool] | None:
        """Returns a consent that the partner no longer needs to the person. The result is as for `revoke`."""
        ended = await self._end_consent(id_, consents.c.client == client, ConsentActor.PARTNER, request_id)
        return None if ended is None else (to_partner_consent(ended.row), ended.is_new)

    async def _end_consent(
        self, id_: str, owner: ColumnElement[bool], by: ConsentActor, request_id: str
    ) -> ConsentEnd | None:
        ended = (
            update(consents)
            .where(
                consents.c.id == id_,
                owner,
                consents.c.revoked_at.is_(None),
                consents.c.expires_at > func.clock_timestamp(),
            )
            .values(revoked_at=func.clock_timestamp(), revoked_by=by.value)
            .returning(consents)
        )
        async with database_timeout(self._timeout), self._engine.begin() as connection:
            row = (await connection.execute(ended)).mappings().one_or_none()
            if row is not None:
                await _record_end(connection, row, by, request_id)
                return ConsentEnd(row, is_new=True)
            known = select_consents_with_state().where(consents.c.id == id_, owner)
            row = (await connection.execute(known)).mappings().one_or_none()
            return None if row is None else ConsentEnd(row, is_new=False)


async def _record_end(connection: AsyncConnection, row: RowMapping, by: ConsentActor, request_id: str) -> None:
    event = ConsentEventType.REVOKED if by is ConsentActor.PERSON else ConsentEventType.RETURNED
    about = {"client": row["client"], "request": row["request"], "consent": row["id"]}
    await record_consent_event(connection, NewConsentEvent(event, by=by, request_id=request_id, **about))
    if by is ConsentActor.PERSON:
        await enqueue_webhook(connection, WebhookType.REVOKED, data=to_webhook_data(row), **about)


def to_webhook_data(row: RowMapping) -> dict[str, Any]:
    """Builds the webhook data of a consent."""
    return {
        "consent": row["id"],
        "request": row["request"],
        "scopes": list(row["scopes"]),
        "purpose": row["purpose"],
        "expires_at": row["expires_at"].isoformat(),
    }
