"""The access history of a person, as the person sees it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final

from records.description import DECIDES_ACCESS, DescribedEnum, Doc
from records.hub.ledger_entries import AccessPosition, LedgerEntry
from records.identifiers import Nik
from records.record import record


class AccessReader(DescribedEnum):
    """Who read, from the view of the person the data is about."""

    YOURSELF = "yourself", "The person themself."
    HOUSEHOLD_MEMBER = "household-member", "A person on the same family card, who read that card."
    GUARDIAN = "guardian", "The person's parent or guardian."
    ASSISTANT = "assistant", "An assistant, whose help the person asked for."
    CITIZEN = "citizen", "Another resident."
    BUSINESS = "business", "A business."
    PARTNER = "partner", "A partner's application."
    OFFICIAL = "official", "An official of an agency."
    AGENCY_SYSTEM = "agency-system", "A system of an agency."
    SUPERVISOR = "supervisor", "A supervisor of an agency."
    STEWARD = "steward", "The city's data steward."
    AUDITOR = "auditor", "An auditor of the city."
    PROTECTION_OFFICER = "protection-officer", "The city's data-protection officer."
    OPERATOR = "operator", "An operator of the hub."
    UNKNOWN = "unknown", "An unknown reader."


READERS_BY_CALLER_KIND: Final[Mapping[str, AccessReader]] = {
    each.value: each
    for each in AccessReader
    if each not in {AccessReader.YOURSELF, AccessReader.HOUSEHOLD_MEMBER, AccessReader.GUARDIAN, AccessReader.ASSISTANT}
}
READERS_BY_LEGAL_BASIS: Final[Mapping[str, AccessReader]] = {
    "assistance": AccessReader.ASSISTANT,
    "guardianship": AccessReader.GUARDIAN,
}
CITIZEN_KIND: Final = AccessReader.CITIZEN.value
HOUSEHOLD_TYPES: Final = "Household"
"""Prefix of the types of a family card. Nothing else is both about a citizen and readable by another one."""


def classify_reader(access: LedgerEntry) -> AccessReader:
    """The reader of an entry. `store/ledger/access_history.py` has the same rule in SQL."""
    if access.caller is not None and access.caller == access.subject:
        return AccessReader.YOURSELF
    if (by_basis := READERS_BY_LEGAL_BASIS.get(access.legal_basis or "")) is not None:
        return by_basis
    if access.caller_kind == CITIZEN_KIND and any(each.startswith(HOUSEHOLD_TYPES) for each in access.fields):
        return AccessReader.HOUSEHOLD_MEMBER
    return READERS_BY_CALLER_KIND.get(access.caller_kind, AccessReader.UNKNOWN)


@record
class AccessLogEntry:
    """One read of data about a person (UU PDP 27/2022, articles 31 and 32)."""

    subject: Annotated[Nik, Doc("The person the data is about."), DECIDES_ACCESS]
    at: Annotated[datetime, Doc("When it was read.")]
    text: Annotated[
        str, Doc("The whole entry in plain English: the reader, the data, its source, the purpose and the legal basis.")
    ]
    reader: Annotated[str, Doc("The reader, in plain English; `You` for the person themself.")]
    reader_kind: Annotated[AccessReader, Doc("The kind of reader.")]
    agency: Annotated[str | None, Doc("Code of the agency that the reader works for.")]
    partner: Annotated[
        str | None, Doc("Name of the partner, as in its contract; null for other readers, and if it has no contract.")
    ]
    purpose: Annotated[str | None, Doc("The purpose that the reader stated.")]
    legal_basis: Annotated[str | None, Doc("The legal basis, in plain English.")]
    sources: Annotated[tuple[str, ...], Doc("Codes of the agencies that hold the data.")]
    fields: Annotated[tuple[str, ...], Doc("The fields that were read, such as `Residence.address`.")]
    operation: Annotated[str | None, Doc("Name of the GraphQL operation.")]
    request_id: Annotated[str, Doc("Id of the request; quote it in questions to the city.")]
    position: Annotated[AccessPosition, Doc("Its position in the list.")]


@record
class AccessLogFilters:
    """An entry must match all given filters."""

    readers: tuple[AccessReader, ...] = ()
    """One of these kinds of reader; any if empty."""
    start: datetime | None = None
    end: datetime | None = None
    purpose: str | None = None


ALL_ENTRIES: Final = AccessLogFilters()


@record
class AccessLogQuery:
    """One page of a person's access history."""

    subject: Nik
    first: int
    after: AccessPosition | None = None
    filters: AccessLogFilters = ALL_ENTRIES


@record
class AccessLogPage:
    """One page of entries, newest first."""

    entries: tuple[AccessLogEntry, ...]
    has_more: bool
