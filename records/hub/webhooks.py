"""Events that the hub sends to a partner's own address (Standard Webhooks)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from records.hub.clients import ClientId
from records.record import record


class WebhookType(StrEnum):
    """The type of an event."""

    GRANTED = "consent.granted"
    REFUSED = "consent.refused"
    UNANSWERED = "consent.unanswered"
    """The time to answer is over."""
    REVOKED = "consent.revoked"
    EXPIRED = "consent.expired"


@record
class WebhookCall:
    """A webhook to send until the partner accepts it."""

    id: str
    """The same for every attempt."""
    client: ClientId
    type: str
    request: str | None
    consent: str | None
    body: str
    """JSON without personal data."""
    created_at: datetime
    attempts: int
    """The number of attempts, including this one."""
    failure: str | None = None
    """The error of the last attempt."""
    next_at: datetime | None = None
    delivered_at: datetime | None = None
    given_up_at: datetime | None = None

    @property
    def state(self) -> str:
        """`waiting`, `delivered` or `given up`."""
        if self.delivered_at is not None:
            return "delivered"
        return "waiting" if self.given_up_at is None else "given up"
