"""What the Estonian Data Tracker (Andmejälgija) asks of a register: who used a person's data (its OpenAPI 2.1.0)."""

from __future__ import annotations

from datetime import datetime

from records.identifiers import Nik
from records.record import record


@record
class UsageQuery:
    """Some of the usages of one person's data in a time, newest first."""

    subject: Nik
    start: datetime | None = None
    end: datetime | None = None
    offset: int = 0
    limit: int = 1000


@record
class Usage:
    """One use of a person's data."""

    at: datetime
    action: str
    """What was done and why, for people."""
    receiver_code: str
    """The institution, by its code."""
    receiver_name: str
    receiver_system: str
    """The system that the data went to."""


@record
class UsagePage:
    """What was found."""

    total: int
    """How many there are in that time, whatever part of them is here."""
    usages: tuple[Usage, ...]
