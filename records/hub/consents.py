"""What a person lets a partner read, for which purpose, and until when (UU PDP 27/2022, articles 20 to 24)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from records.description import DescribedEnum, Doc
from records.identifiers import Nik
from records.purposes import Purpose, Scope
from records.record import record


class ConsentState(DescribedEnum):
    """What became of a consent."""

    GRANTED = "GRANTED", "It is in force."
    REVOKED = "REVOKED", "The person took it back."
    RETURNED = "RETURNED", "The partner gave it back."
    EXPIRED = "EXPIRED", "Its time is over."


class Language(DescribedEnum):
    """A language in which people are told what they agree to."""

    INDONESIAN = "id", "Bahasa Indonesia."
    ENGLISH = "en", "English."


@record
class ConsentText:
    """What a person agrees to, in one language (UU PDP 27/2022, article 21)."""

    subject: Annotated[Nik, Doc("The person.")]
    language: Annotated[Language, Doc("In which language.")]
    version: Annotated[str, Doc("Which wording of the city this is.")]
    text: Annotated[str, Doc("The text: who, what, for what, how long, and how to take it back.")]


@record
class Consent:
    """What a person lets one partner read, for one purpose, until a day."""

    subject: Annotated[Nik, Doc("The person who consented.")]
    id: Annotated[str, Doc("Opaque; the partner asks by it.")]
    client: Annotated[str, Doc("The partner's application, as `issuer/client_id`.")]
    partner: Annotated[str, Doc("The partner, as people know it.")]
    scopes: Annotated[tuple[Scope, ...], Doc("What may be read.")]
    purpose: Annotated[Purpose, Doc("What for.")]
    state: Annotated[ConsentState, Doc("What became of it.")]
    granted_at: Annotated[datetime, Doc("When it was given.")]
    expires_at: Annotated[datetime, Doc("From when on it is no longer in force, if it is not taken back before.")]
    revoked_at: Annotated[datetime | None, Doc("When it was taken back or given back; null where it was not.")] = None
    texts: Annotated[tuple[ConsentText, ...], Doc("What the person agreed to, word by word, in each language.")] = ()


@record
class ConsentRequest:
    """A partner's request for a person's consent, which waits for the person's answer."""

    subject: Annotated[Nik, Doc("The person who opened it; from then on it is nobody else's.")]
    id: Annotated[str, Doc("Opaque; the person answers by it.")]
    client: Annotated[str, Doc("The partner's application, as `issuer/client_id`.")]
    partner: Annotated[str, Doc("The partner, as people know it.")]
    purpose: Annotated[Purpose, Doc("What the partner would read for.")]
    scopes: Annotated[tuple[Scope, ...], Doc("What the partner asks for; the person may grant fewer.")]
    asked_at: Annotated[datetime, Doc("When the partner asked.")]
    answer_by: Annotated[datetime, Doc("From when on it can no longer be answered.")]
    would_expire_at: Annotated[datetime, Doc("Until when a consent given now would be in force.")]
    duration: timedelta
    """How long the consent would be in force."""
    readable_fields: frozenset[str] | None
    """Schema coordinates that the partner's registered operations read; None if it may run any operation."""


@record
class ConsentAnswer:
    """What a person answered, and where their browser goes with it."""

    subject: Annotated[Nik, Doc("The person who answered.")]
    consent: Annotated[Consent | None, Doc("The consent that was given; null where it was refused.")]
    return_to: Annotated[
        str, Doc("The partner's address, with the answer in it: send the browser there, or let the person go there.")
    ]


@record
class ConsentPosition:
    """A cursor in the list of a person's consents."""

    at: datetime
    id: str


@record
class ConsentQuery:
    """One page of a person's consents."""

    subject: Nik
    first: int
    after: ConsentPosition | None = None


@record
class ConsentPage:
    """One page of consents, newest first."""

    consents: tuple[Consent, ...]
    has_more: bool


@record
class PersonalConsentKey:
    """The id of a request or a consent that must belong to this person."""

    subject: Nik
    id: str


@record
class ConsentGrant:
    """A person's approval of a request."""

    subject: Nik
    request: str
    scopes: frozenset[Scope]
