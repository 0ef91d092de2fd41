"""The append-only history of each consent request and each consent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from records.hub.clients import ClientId
from store.tables import consent_events


class ConsentEventType(StrEnum):
    """The type of an event."""

    ASKED = "asked"
    OPENED = "opened"
    GRANTED = "granted"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    REVOKED = "revoked"
    RETURNED = "returned"
    EXPIRED = "expired"
    PURGED = "purged"
    NOTIFIED = "told"


class ConsentActor(StrEnum):
    """The actor of an event."""

    PERSON = "person"
    PARTNER = "partner"
    HUB = "hub"


class StoredConsentEvent(NamedTuple):
    """A stored event."""

    at: datetime
    event: str
    by: str
    request: str | None
    consent: str | None
    request_id: str | None
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NewConsentEvent:
    """An event that happens now."""

    event: ConsentEventType
    client: ClientId
    by: ConsentActor
    request: str | None = None
    consent: str | None = None
    request_id: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    """Holds no personal data."""


async def record_consent_event(connection: AsyncConnection, event: NewConsentEvent) -> None:
    """Record an event in the transaction that it describes."""
    row = {
        "event": event.event.value,
        "client": event.client,
        "by": event.by.value,
        "request": event.request,
        "consent": event.consent,
        "request_id": event.request_id,
        "detail": dict(event.detail),
    }
    await connection.execute(insert(consent_events).values(row))


class ConsentEvents:
    """Reads the history."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def list_events(self, id_: str) -> Sequence[StoredConsentEvent]:
        """Returns the events of a request or a consent, oldest first."""
        wanted = select(consent_events).where(or_(consent_events.c.request == id_, consent_events.c.consent == id_))
        async with self._engine.connect() as connection:
            rows = (await connection.execute(wanted.order_by(consent_events.c.id))).mappings().all()
        return [StoredConsentEvent(**{name: row[name] for name in StoredConsentEvent._fields}) for row in rows]
