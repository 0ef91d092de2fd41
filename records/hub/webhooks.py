"""What a partner is told by a call to its own address (Standard Webhooks)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from records.hub.clients import ClientId
from records.record import record


class WebhookType(StrEnum):
    """What happened."""

    GRANTED = "consent.granted"
    REFUSED = "consent.refused"
    UNANSWERED = "consent.unanswered"
    """The time to answer is over."""
    REVOKED = "consent.revoked"
    EXPIRED = "consent.expired"


@record
class WebhookCall:
    """A call that has to be made, until the partner took it."""

    id: str
    """The same however often it is sent."""
    client: ClientId
    type: str
    request: str | None
    consent: str | None
    body: str
    """JSON; nothing personal."""
    created_at: datetime
    attempts: int
    """How often it was sent, this time included."""
    failure: str | None = None
    """Why the last attempt failed."""
    next_at: datetime | None = None
    delivered_at: datetime | None = None
    given_up_at: datetime | None = None

    @property
    def state(self) -> str:
        """`waiting`, `delivered` or `given up`."""
        if self.delivered_at is not None:
            return "delivered"
        return "waiting" if self.given_up_at is None else "given up"
