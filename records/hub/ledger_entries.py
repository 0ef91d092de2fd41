"""Who read what of whom: one entry of the access ledger, without a single identity number.

UU PDP 27/2022, article 31, wants every processing of personal data recorded, article 32 the record shown to the person
within three days.
"""

from __future__ import annotations

from datetime import UTC, datetime

from records.record import record

DIGEST_BYTES = 32
"""Bytes of a pseudonym and of a hash."""


@record
class LedgerEntry:
    """One reading of what a person's record holds, as it is to be kept."""

    at: datetime
    request_id: str
    subject: bytes | None
    """Pseudonym of the person; None for data about somebody whom nobody knows."""
    caller_kind: str
    caller: bytes | None = None
    """Pseudonym of who read; that of a citizen is the one they have as a subject. None for nobody."""
    agency: str | None = None
    """Whom the reader works for."""
    unit: str | None = None
    role: str | None = None
    client: str | None = None
    purpose: str | None = None
    case: str | None = None
    legal_basis: str | None = None
    operation: str | None = None
    document: bytes
    """SHA-256 of the document that asked."""
    agencies: tuple[str, ...] = ()
    """Where the data came from."""
    fields: tuple[str, ...]
    """What was read, by schema coordinate: `Citizen.name`."""
    classification: str | None = None
    """The classes of what was read, separated by spaces: `PERSONAL SPECIFIC:HEALTH`."""
    hidden_until: datetime | None = None
    """Before this moment the person is not shown the entry."""
    hidden_because: str | None = None
    """The legal reason for that."""


def format_ledger_time(moment: datetime | None) -> str | None:
    """A moment as the ledger hashes it: RFC 3339 in UTC, with six digits of a second."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@record
class AccessPosition:
    """A place in a person's list of accesses, newest first."""

    at: datetime
    chain: str
    sequence: int


@record
class StoredLedgerEntry:
    """An entry that was kept, with its place in the ledger."""

    chain: str
    sequence: int
    entry: LedgerEntry

    @property
    def position(self) -> AccessPosition:
        """Where it stands in the person's list."""
        return AccessPosition(at=self.entry.at, chain=self.chain, sequence=self.sequence)


@record
class AccessSearch:
    """What is looked for in the ledger; everything that is given must hold."""

    subjects: tuple[bytes, ...] = ()
    """Pseudonyms: about each of them, so that two different ones find nothing."""
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


@record
class LedgerPage:
    """Some of a person's accesses, newest first."""

    entries: tuple[StoredLedgerEntry, ...] = ()
    has_more: bool = False
