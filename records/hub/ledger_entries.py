"""Entries of the access ledger: each read of a person's data, without any identity number.

UU PDP 27/2022, article 31, requires a record of all processing of personal data; article 32 requires showing the record
to the person within three days.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from records.record import record

DIGEST_BYTES = 32
"""Length of a pseudonym and of a hash."""


class LedgerEntry(NamedTuple):
    """One read of a person's data, as it is to be stored.

    A tuple: an answer has up to dozens of entries, and a record of 19 fields takes four times as long to make.
    """

    at: datetime
    request_id: str
    document: bytes
    """SHA-256 of the GraphQL document."""
    subject: bytes | None
    """Pseudonym of the person; None for data about an unidentified person."""
    fields: tuple[str, ...]
    """The fields that were read, by schema coordinate: `Citizen.name`."""
    caller_kind: str
    caller: bytes | None = None
    """Pseudonym of the reader; a citizen has the same one as a reader and as a subject. None for an anonymous
    reader."""
    agency: str | None = None
    """The agency that the reader works for."""
    unit: str | None = None
    role: str | None = None
    client: str | None = None
    purpose: str | None = None
    case: str | None = None
    legal_basis: str | None = None
    operation: str | None = None
    agencies: tuple[str, ...] = ()
    """The agencies that hold the data."""
    classification: str | None = None
    """The data classes of the fields, separated by spaces: `PERSONAL SPECIFIC:HEALTH`."""
    hidden_until: datetime | None = None
    """The person does not see the entry before this moment."""
    hidden_because: str | None = None
    """The legal reason for hiding the entry."""


def format_ledger_time(moment: datetime | None) -> str | None:
    """Formats a moment for the ledger's hash: RFC 3339 in UTC, with six digits of a second."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@record
class AccessPosition:
    """A cursor in a person's access history, newest first."""

    at: datetime
    chain: str
    sequence: int


@record
class StoredLedgerEntry:
    """A stored entry with its place in the ledger."""

    chain: str
    sequence: int
    entry: LedgerEntry

    @property
    def position(self) -> AccessPosition:
        """The entry's cursor in the person's access history."""
        return AccessPosition(at=self.entry.at, chain=self.chain, sequence=self.sequence)


@record
class AccessSearch:
    """A search in the ledger. An entry must match all given filters."""

    subjects: tuple[bytes, ...] = ()
    """Pseudonyms. An entry must be about each of them, so two different ones find nothing."""
    caller: bytes | None = None
    start: datetime | None = None
    end: datetime | None = None
    caller_kind: str | None = None
    agency: str | None = None
    client: str | None = None
    purpose: str | None = None
    case: str | None = None
    operation: str | None = None
    request_id: str | None = None


SEARCH_FILTERS = ("caller_kind", "caller", "agency", "client", "purpose", "case", "operation", "request_id")
"""The filters of `AccessSearch` that compare one column of the ledger with one value."""


@record
class LedgerPage:
    """One page of ledger entries, newest first."""

    entries: tuple[StoredLedgerEntry, ...] = ()
    has_more: bool = False
