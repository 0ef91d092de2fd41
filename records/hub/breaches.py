"""Breaches of personal data protection, and the ledger entries that they affect (UU PDP 27/2022, article 46)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from records.hub.ledger_entries import AccessSearch
from records.record import record

NOTIFICATION_PERIOD = timedelta(hours=72)
"""The time to notify the people and the authority: 3x24 hours (article 46, paragraph 1)."""


@record
class Breach:
    """One breach, open or closed."""

    name: str
    """`B-2026-0001`."""
    what: str
    """What happened, in one sentence."""
    search: AccessSearch
    """The affected entries of the ledger; `start` and `end` are always set."""
    opened_at: datetime
    opened_by: str
    known_since: datetime
    """The start of the notification period."""
    closed_at: datetime | None = None
    closed_by: str | None = None

    @property
    def due(self) -> datetime:
        """The end of the notification period."""
        return self.known_since + NOTIFICATION_PERIOD


@record
class AffectedPerson:
    """What was read about one person."""

    subject: bytes | None
    """Pseudonym; None for all unidentified people together."""
    reads: int
    first: datetime
    last: datetime
    fields: tuple[str, ...]
    """Schema coordinates, sorted."""
    classes: tuple[str, ...]
    agencies: tuple[str, ...]
    """The agencies that hold the data."""
    hidden_until: datetime | None
    """A future moment before which the person must not see at least one of these reads; None if all may be seen."""


class ReaderCount(NamedTuple):
    """The number of reads by one kind of reader."""

    kind: str
    agency: str | None
    client: str | None
    reads: int
