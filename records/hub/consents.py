"""What a person lets a partner read, for which purpose, and until when (UU PDP 27/2022, articles 20 to 24)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from records.description import DECIDES_ACCESS, DescribedEnum, Doc
from records.identifiers import Nik
from records.languages import Language
from records.purposes import Purpose, Scope
from records.record import record


class ConsentState(DescribedEnum):
    """The state of a consent."""

    GRANTED = "GRANTED", "In force."
    REVOKED = "REVOKED", "Revoked by the person."
    RETURNED = "RETURNED", "Returned by the partner."
    EXPIRED = "EXPIRED", "Expired."


@record
class ConsentText:
    """The text that a person agrees to, in one language (UU PDP 27/2022, article 21)."""

    subject: Annotated[Nik, Doc("The person."), DECIDES_ACCESS]
    language: Annotated[Language, Doc("Language of the text.")]
    version: Annotated[str, Doc("Version of the city's wording.")]
    text: Annotated[str, Doc("The text: partner, data, purpose, duration, and how to revoke the consent.")]


@record
class Consent:
    """A person's consent to let one partner read data, for one purpose and a limited time."""

    subject: Annotated[Nik, Doc("The person whose data it opens."), DECIDES_ACCESS]
    id: Annotated[str, Doc("Opaque id; the partner reads the data by it.")]
    client: Annotated[str, Doc("The partner's application: `issuer/client_id`.")]
    partner: Annotated[str, Doc("Name of the partner.")]
    scopes: Annotated[tuple[Scope, ...], Doc("The data that the partner may read.")]
    purpose: Annotated[Purpose, Doc("The purpose of reading.")]
    state: Annotated[ConsentState, Doc("The state of the consent.")]
    granted_at: Annotated[datetime, Doc("When it was given.")]
    expires_at: Annotated[datetime, Doc("When it expires, unless it is revoked earlier.")]
    revoked_at: Annotated[
        datetime | None, Doc("When the person revoked it or the partner returned it; null if neither.")
    ] = None
    by_guardian: Annotated[
        bool, Doc("Whether a guardian gave it for a child; it ends when the child comes of age.")
    ] = False
    texts: Annotated[tuple[ConsentText, ...], Doc("The exact text that the person agreed to, in each language.")] = ()
    request: str | None = None
    """Id of the request that it answers."""
    asked_at: datetime | None = None
    """When the partner made that request; only in a person's own list."""


@record
class ConsentRequest:
    """A partner's request for a person's consent, which the person has not answered yet."""

    subject: Annotated[Nik, Doc("The first person who opened it; it belongs to them."), DECIDES_ACCESS]
    id: Annotated[str, Doc("Opaque id; the person answers by it.")]
    client: Annotated[str, Doc("The partner's application: `issuer/client_id`.")]
    partner: Annotated[str, Doc("Name of the partner.")]
    purpose: Annotated[Purpose, Doc("The purpose for which the partner would read the data.")]
    scopes: Annotated[tuple[Scope, ...], Doc("The scopes that the partner requests; the person may grant fewer.")]
    asked_at: Annotated[datetime, Doc("When the partner made the request.")]
    answer_by: Annotated[datetime, Doc("When the request expires.")]
    would_expire_at: Annotated[datetime, Doc("When a consent granted now would expire.")]
    duration: timedelta
    """How long the consent would be in force."""
    readable_fields: frozenset[str] | None
    """Schema coordinates that the partner's registered operations read; None if it may run any operation."""
    is_about_child: Annotated[bool, Doc("Whether it is about a child of the person, who answers as the guardian.")] = (
        False
    )


@record
class ConsentAnswer:
    """A person's answer to a consent request, and the address that their browser returns to."""

    subject: Annotated[Nik, Doc("The person who answered."), DECIDES_ACCESS]
    consent: Annotated[Consent | None, Doc("The consent; null if it was refused.")]
    return_to: Annotated[
        str, Doc("The partner's URL, which contains the answer: send the browser there, or show it as a link.")
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
    """The person whose data it opens: the caller, or the caller's child."""
    request: str
    scopes: frozenset[Scope]
    guardian: Nik | None = None
    """The caller, if the request is about a child."""
