"""What a person lets a partner read, for what, and until when (UU PDP 27/2022, articles 20 to 24)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from records.description import DescribedEnum, Doc
from records.identifiers import Nik
from records.purposes import Purpose, Scope
from records.record import record


class ConsentState(DescribedEnum):
    """What became of a consent."""

    GRANTED = "GRANTED", "It is in force."
    REVOKED = "REVOKED", "It was taken back."
    EXPIRED = "EXPIRED", "Its time is over."


@record
class Consent:
    """What a person lets one partner read, for one purpose, until a day."""

    subject: Annotated[Nik, Doc("The person who consented.")]
    id: Annotated[str, Doc("Opaque; the partner asks by it.")]
    client: Annotated[str, Doc("The partner's application, as its tokens name it.")]
    partner: Annotated[str, Doc("The partner, as people know it.")]
    scopes: Annotated[tuple[Scope, ...], Doc("What may be read.")]
    purpose: Annotated[Purpose, Doc("What for.")]
    state: Annotated[ConsentState, Doc("What became of it.")]
    granted_at: Annotated[datetime, Doc("When it was given.")]
    expires_at: Annotated[datetime, Doc("From when on it is no longer in force, if it is not taken back before.")]
    revoked_at: Annotated[datetime | None, Doc("When it was taken back; null where it was not.")] = None
