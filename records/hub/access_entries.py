"""Ledger entries for overseers: supervisors, auditors and the data-protection officer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from records.description import DECIDES_ACCESS, Doc
from records.hub.ledger_entries import AccessPosition, AccessSearch
from records.identifiers import Nik
from records.record import record

_NO_FILTERS = AccessSearch()


@record
class AccessEntry:
    """One read of data about a person, without the names of the person and the reader.

    Tokens stand for people and readers. A token identifies the same person or reader for one overseer within one case;
    it means nothing to others.
    """

    subject: Annotated[bytes | None, DECIDES_ACCESS]
    """Pseudonym of the person; None for an unidentified person."""
    at: Annotated[datetime, Doc("When it was read.")]
    person: Annotated[
        str | None,
        Doc("Token of the person the data is about, for use in the filter; null for an unidentified person."),
    ]
    reader: Annotated[
        str | None,
        Doc("Token of the reader, for use in the filter. A citizen has the same token as a reader and as a person."),
    ]
    reader_kind: Annotated[str, Doc("Kind of caller: `citizen`, `official`, `partner`, ...")]
    agency: Annotated[str | None, Doc("Code of the agency that the reader works for."), DECIDES_ACCESS]
    unit: Annotated[str | None, Doc("The reader's unit at the agency.")]
    role: Annotated[str | None, Doc("The reader's role at the agency.")]
    client: Annotated[str | None, Doc("The application that the reader used.")]
    purpose: Annotated[str | None, Doc("The purpose that the reader stated.")]
    case: Annotated[str | None, Doc("The case that the reader stated.")]
    legal_basis: Annotated[
        str | None,
        Doc("The legal basis: `own-right`, `guardianship`, `assistance`, `consent`, `legal-duty` or `public-task`."),
    ]
    sources: Annotated[tuple[str, ...], Doc("Codes of the agencies that hold the data.")]
    fields: Annotated[tuple[str, ...], Doc("The fields that were read, such as `Residence.address`.")]
    classes: Annotated[tuple[str, ...], Doc("Classes of the data: `PERSONAL`, `SPECIFIC:HEALTH`, ...")]
    operation: Annotated[str | None, Doc("Name of the GraphQL operation.")]
    request_id: Annotated[str, Doc("Id of the request.")]
    hidden_until: Annotated[
        datetime | None, Doc("The entry is hidden from the person until this moment; null if it is not hidden.")
    ]
    position: AccessPosition


@record
class AccessEntryQuery:
    """One page of an overseer's search. An entry must match all given filters."""

    first: int
    after: AccessPosition | None = None
    subject: Nik | None = None
    """Only entries about this person; the data-protection officer gives the NIK."""
    person: str | None = None
    reader: str | None = None
    filters: AccessSearch = _NO_FILTERS
    """The other filters, which need no identity."""

    @property
    def agency(self) -> str | None:
        """The agency of the readers; None for all."""
        return self.filters.agency


@record
class AccessEntryPage:
    """One page of entries, newest first."""

    entries: tuple[AccessEntry, ...]
    has_more: bool
