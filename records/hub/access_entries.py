"""Ledger entries for overseers: supervisors, auditors and the data-protection officer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from records.description import Doc
from records.hub.ledger_entries import AccessPosition
from records.identifiers import Nik
from records.record import record


@record
class AccessEntry:
    """One reading of what the city holds about somebody, without a name of the person or of the reader.

    Persons and readers stand as tokens: the same for the same person or reader as long as the same overseer works on
    the same case, and nothing to anybody else.
    """

    subject: bytes | None
    """Pseudonym of the person; None for an unidentified person."""
    at: Annotated[datetime, Doc("When it was read.")]
    person: Annotated[
        str | None, Doc("Token of whom the data is about; null for somebody whom nobody knows. Give it in the filter.")
    ]
    reader: Annotated[
        str | None, Doc("Token of who read; that of a citizen is the one they have as a person. Give it in the filter.")
    ]
    reader_kind: Annotated[str, Doc("What kind of caller read: `citizen`, `official`, `partner`, ...")]
    agency: Annotated[str | None, Doc("The agency that the reader works for, by its code.")]
    unit: Annotated[str | None, Doc("The reader's unit at the agency.")]
    role: Annotated[str | None, Doc("The reader's role at the agency.")]
    client: Annotated[str | None, Doc("The application by which it was read.")]
    purpose: Annotated[str | None, Doc("Why it was read, as the reader stated.")]
    case: Annotated[str | None, Doc("The case for which it was read, as the reader stated.")]
    legal_basis: Annotated[
        str | None,
        Doc(
            "On what basis in law: `own-right`, `guardianship`, `assistance`, `consent`, `legal-duty` or `public-task`."
        ),
    ]
    sources: Annotated[tuple[str, ...], Doc("The agencies that hold the data, by their codes.")]
    fields: Annotated[tuple[str, ...], Doc("What was read: fields of this graph, such as `Residence.address`.")]
    classes: Annotated[tuple[str, ...], Doc("How sensitive that is: `PERSONAL`, `SPECIFIC:HEALTH`, ...")]
    operation: Annotated[str | None, Doc("The name of the operation that read it.")]
    request_id: Annotated[str, Doc("The request that read it.")]
    hidden_until: Annotated[
        datetime | None, Doc("Before this moment the person is not told; null where they are told at once.")
    ]
    position: AccessPosition


@record
class AccessEntryQuery:
    """One page of an overseer's search. An entry must match all given filters."""

    first: int
    after: AccessPosition | None = None
    subject: Nik | None = None
    """Only entries about this person; the data-protection officer gives the NIK."""
    agency: str | None = None
    """Only entries of readers of this agency."""
    person: str | None = None
    reader: str | None = None
    read_from: datetime | None = None
    read_until: datetime | None = None
    reader_kind: str | None = None
    client: str | None = None
    purpose: str | None = None
    case: str | None = None
    operation: str | None = None
    request_id: str | None = None


@record
class AccessEntryPage:
    """One page of entries, newest first."""

    entries: tuple[AccessEntry, ...]
    has_more: bool
