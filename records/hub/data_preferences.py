"""People's preferences on the use of their data, which authorization rules check before a read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from records.description import DECIDES_ACCESS, Doc
from records.hub.consents import Consent
from records.identifiers import Nik
from records.purposes import Purpose
from records.record import record


@record
class Restriction:
    """A person's restriction on the use of their data (UU PDP 27/2022, articles 11 and 41)."""

    subject: Annotated[Nik, Doc("The person."), DECIDES_ACCESS]
    number: Annotated[str, Doc("Number of the data request that made it, and by which it is ended.")]
    purposes: Annotated[
        tuple[Purpose, ...], Doc("Purposes for which the data may not be read; empty means all purposes.")
    ]
    since: Annotated[datetime, Doc("When it began.")]


@record
class DataPreferences:
    """The preferences of some people, as far as they concern the caller."""

    consents: tuple[Consent, ...] = ()
    """Consents to the calling client that are in force."""
    restrictions: tuple[Restriction, ...] = ()
    """The people's restrictions."""
    people_in_case: frozenset[Nik] | None = None
    """The people of the caller's case; None if no register holds cases of this kind."""
