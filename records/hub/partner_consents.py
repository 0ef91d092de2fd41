"""Asking for consent, from the partner's side: what it wants, what is kept of that, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from records.hub.clients import ClientId
from records.hub.consents import ConsentState
from records.purposes import Purpose, Scope
from records.record import record


class ConsentRequestAnswer(StrEnum):
    """What became of a request."""

    WAITING = "waiting"
    GRANTED = "granted"
    REFUSED = "refused"
    EXPIRED = "expired"


@record
class NewConsentRequest:
    """What a partner wants to ask for."""

    scopes: tuple[Scope, ...]
    purpose: Purpose
    days: int
    """How long the consent would last."""
    redirect_uri: str
    """Where the person's browser goes with the answer."""
    state: str | None = None
    """Opaque to the hub; given back with the answer."""


@record
class PartnerConsentRequest:
    """A request, as it is kept."""

    id: str
    client: ClientId
    partner: str
    """The partner, as people know it."""
    scopes: tuple[Scope, ...]
    purpose: Purpose
    days: int
    redirect_uri: str
    state: str | None
    asked_at: datetime
    answer_by: datetime
    answer: ConsentRequestAnswer


@record
class PartnerConsent:
    """A consent, as its partner is told: nothing of the person."""

    id: str
    scopes: tuple[Scope, ...]
    purpose: Purpose
    state: ConsentState
    granted_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


@record
class ConsentRequestOutcome:
    """What became of a request."""

    request: PartnerConsentRequest
    consent: PartnerConsent | None


@record
class ConsentEvidence:
    """What proves that a person consented (UU PDP 27/2022, article 24)."""

    assurance: str
    """How surely they were identified."""
    version: str
    """Which wording they agreed to."""
    hash: bytes
    """SHA-256 of it."""
    texts: Mapping[str, str]
    """By language: the wording itself."""
    request_id: str
    """The request to the hub by which they agreed."""
