"""The access history of a person, as the person sees it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from records.description import DECIDES_ACCESS, Doc
from records.hub.ledger_entries import AccessPosition
from records.identifiers import Nik
from records.record import record


@record
class AccessLogEntry:
    """One read of data about a person (UU PDP 27/2022, articles 31 and 32)."""

    subject: Annotated[Nik, Doc("The person the data is about."), DECIDES_ACCESS]
    at: Annotated[datetime, Doc("When it was read.")]
    text: Annotated[
        str, Doc("The whole entry in plain English: the reader, the data, its source, the purpose and the legal basis.")
    ]
    reader: Annotated[str, Doc("The reader, in plain English; `You` for the person themself.")]
    agency: Annotated[str | None, Doc("Code of the agency that the reader works for.")]
    purpose: Annotated[str | None, Doc("The purpose that the reader stated.")]
    legal_basis: Annotated[str | None, Doc("The legal basis, in plain English.")]
    sources: Annotated[tuple[str, ...], Doc("Codes of the agencies that hold the data.")]
    fields: Annotated[tuple[str, ...], Doc("The fields that were read, such as `Residence.address`.")]
    operation: Annotated[str | None, Doc("Name of the GraphQL operation.")]
    request_id: Annotated[str, Doc("Id of the request; quote it in questions to the city.")]
    position: Annotated[AccessPosition, Doc("Its position in the list.")]


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
