"""What is too odd to declare of complaints: deadlines in hours, and places in the system's own words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from connectors.readers.dates import moment
from connectors.readers.numbers import whole_number
from connectors.readers.regions import region_code
from connectors.readers.unreadable import UnreadableError
from records.identifiers import RegionCode

_MAX_HOURS: Final = 1_000_000


def read_deadline(expected: object, requested: object, hours: object) -> datetime | None:
    """When a complaint is due: as the system expects, or else the hours of its service level after the report."""
    at, start = moment(expected), moment(requested)
    level = read_count(hours)
    return at or (start + timedelta(hours=level) if start and 0 < level < _MAX_HOURS else None)


def read_count(raw: object) -> int:
    """A count, such as that of supporters; 0 for other values, which must not cost the complaint."""
    try:
        return 0 if isinstance(raw, bool) else whole_number(raw) or 0
    except UnreadableError:
        return 0


def read_kelurahan(raw: object) -> RegionCode | None:
    """The code of a place. One in words is no code, and must not cost the complaint; no rule reads it."""
    try:
        return region_code(raw)
    except UnreadableError:
        return None
