"""Failures to protect personal data, and what the access ledger says of them (UU PDP 27/2022, article 46)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from records.hub.ledger_entries import AccessSearch
from records.record import record

NOTIFICATION_PERIOD = timedelta(hours=72)
"""In which the people and the authority have to be told: 3x24 hours (article 46, paragraph 1)."""


@record
class Breach:
    """One failure that is, or was, worked on."""

    name: str
    """`B-2026-0001`."""
    what: str
    """What happened, in a sentence."""
    search: AccessSearch
    """Which entries of the ledger it is about; `start` and `end` are always there."""
    opened_at: datetime
    opened_by: str
    known_since: datetime
    """From when the clock runs."""
    closed_at: datetime | None = None
    closed_by: str | None = None

    @property
    def due(self) -> datetime:
        """By when everybody has to be told."""
        return self.known_since + NOTIFICATION_PERIOD


@record
class AffectedPerson:
    """What was read of one person."""

    subject: bytes | None
    """Pseudonym; None for all those together whom nobody knows."""
    reads: int
    first: datetime
    last: datetime
    fields: tuple[str, ...]
    """By schema coordinate, in order."""
    classes: tuple[str, ...]
    agencies: tuple[str, ...]
    """Where the data came from."""
    hidden_until: datetime | None
    """Before this moment, which is still to come, the person may not be told of one of these reads."""


class ReaderCount(NamedTuple):
    """How much one kind of reader read."""

    kind: str
    agency: str | None
    client: str | None
    reads: int
