"""What people said about the use of their data: what rules have to know of it before somebody reads."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from records.description import Doc
from records.hub.consents import Consent
from records.identifiers import Nik
from records.purposes import Purpose
from records.record import record


@record
class Restriction:
    """A person's restriction of what is done with their data (UU PDP 27/2022, articles 11 and 41)."""

    subject: Annotated[Nik, Doc("The person.")]
    number: Annotated[str, Doc("Number of the data request by which the person said so; it is ended by it.")]
    purposes: Annotated[tuple[Purpose, ...], Doc("For which purposes nobody may read; for every one where empty.")]
    since: Annotated[datetime, Doc("From when on.")]


@record
class DataPreferences:
    """What some people said, as far as it concerns who asks."""

    consents: tuple[Consent, ...] = ()
    """What they let the client read that asks; only what is in force."""
    restrictions: tuple[Restriction, ...] = ()
    """What they restricted."""
    people_in_case: frozenset[Nik] | None = None
    """The people of the caller's case; None if no register holds cases of this kind."""
