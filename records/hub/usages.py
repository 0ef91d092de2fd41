"""Usages of a person's data, as the Estonian Data Tracker (Andmejälgija) queries a register (its OpenAPI 2.1.0)."""

from __future__ import annotations

from datetime import datetime

from records.identifiers import Nik
from records.record import record


@record
class UsageQuery:
    """A page of the usages of one person's data in a period, newest first."""

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
    """What was done and why, as text for people."""
    receiver_code: str
    """The institution's code."""
    receiver_name: str
    receiver_system: str
    """The system that received the data."""


@record
class UsagePage:
    """The result of a usage query."""

    total: int
    """The number of usages in the period, independent of the page."""
    usages: tuple[Usage, ...]
