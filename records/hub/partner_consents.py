"""Consent requests from the partner's side: the request, its stored form, and its outcome."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from records.hub.clients import ClientId
from records.hub.consents import ConsentState
from records.purposes import Purpose, Scope
from records.record import record


class ConsentRequestAnswer(StrEnum):
    """The state of a request."""

    WAITING = "waiting"
    GRANTED = "granted"
    REFUSED = "refused"
    EXPIRED = "expired"


@record
class NewConsentRequest:
    """A partner's new request for consent."""

    scopes: tuple[Scope, ...]
    purpose: Purpose
    days: int
    """Duration of the consent, in days."""
    redirect_uri: str
    """The address that the person's browser returns to with the answer."""
    state: str | None = None
    """Opaque to the hub; returned with the answer."""
    is_about_child: bool = False
    """Whether it is about a child of the person who opens it."""


@record
class PartnerConsentRequest:
    """A stored request."""

    id: str
    client: ClientId
    partner: str
    """The partner's name for people."""
    scopes: tuple[Scope, ...]
    purpose: Purpose
    days: int
    redirect_uri: str
    state: str | None
    asked_at: datetime
    answer_by: datetime
    answer: ConsentRequestAnswer
    is_about_child: bool


@record
class PartnerConsent:
    """A consent as the partner sees it, without data about the person."""

    id: str
    scopes: tuple[Scope, ...]
    purpose: Purpose
    state: ConsentState
    granted_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


@record
class ConsentRequestOutcome:
    """A request and the consent that resulted from it, if any."""

    request: PartnerConsentRequest
    consent: PartnerConsent | None


@record
class ConsentEvidence:
    """The evidence that a person consented (UU PDP 27/2022, article 24)."""

    assurance: str
    """The assurance level of the person's identification."""
    version: str
    """The version of the wording they agreed to."""
    hash: bytes
    """SHA-256 of the wording."""
    texts: Mapping[str, str]
    """The wording itself, by language."""
    request_id: str
    """The hub request in which they agreed."""
    until: datetime | None = None
    """When the child comes of age, if a guardian agreed: the consent ends then at the latest."""
