"""The access history of a person, as the person sees it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from records.description import Doc
from records.hub.ledger_entries import AccessPosition
from records.identifiers import Nik
from records.record import record


@record
class AccessLogEntry:
    """One reading of what the city holds about a person (UU PDP 27/2022, articles 31 and 32)."""

    subject: Annotated[Nik, Doc("Whom the data is about.")]
    at: Annotated[datetime, Doc("When it was read.")]
    text: Annotated[
        str, Doc("The whole entry in plain English: who read what, where it came from, why, on what basis.")
    ]
    reader: Annotated[str, Doc("Who read it, in plain English; `You` for the person themself.")]
    agency: Annotated[str | None, Doc("The agency that the reader works for, by its code.")]
    purpose: Annotated[str | None, Doc("Why it was read, as the reader stated.")]
    legal_basis: Annotated[str | None, Doc("On what basis in law, in plain English.")]
    sources: Annotated[tuple[str, ...], Doc("The agencies that hold the data, by their codes.")]
    fields: Annotated[tuple[str, ...], Doc("What was read: fields of this graph, such as `Residence.address`.")]
    operation: Annotated[str | None, Doc("The name of the operation that read it.")]
    request_id: Annotated[str, Doc("The request that read it; to be named when asking the city about it.")]
    position: Annotated[AccessPosition, Doc("Where it stands in the list.")]


@record
class AccessLogQuery:
    """One page of a person's access history."""

    subject: Nik
    first: int
    after: AccessPosition | None = None


@record
class AccessLogPage:
    """One page of entries, newest first."""

    entries: tuple[AccessLogEntry, ...]
    has_more: bool
