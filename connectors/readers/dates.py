"""Reads dates and times in agencies' formats."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TypeVar

from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.clocks import CITY_TIME_ZONE
from records.identifiers import PartialDate

_D = TypeVar("_D", bound=date)

NO_DAY = frozenset({date(1900, 1, 1), date(1899, 12, 30), date(1, 1, 1)})
"""Days that agencies' systems write for "no day"."""

_FIRST_YEAR = 1
_FOREVER = 9_000
"""Dates from this year on mean "never". Arithmetic with the last of them would overflow the calendar."""

_ZEROS = re.compile(r"[0\s/:.T-]*", re.ASCII)
_SLASHED = re.compile(r"(?P<day>\d{1,2})[/-](?P<month>\d{1,2})[/-](?P<year>\d{4})", re.ASCII)
_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})", re.ASCII)
_PLAIN_LENGTHS = range(8, 11)
"""Characters of a day in one of these two forms."""
_ISO_LENGTH = 10
_PARTIAL = re.compile(r"(?P<year>\d{4})(?:-(?P<month>\d{2}))?", re.ASCII)
_MONTHS_OF_YEAR = 12
_SOLID = re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})", re.ASCII)
_WORDED = re.compile(r"(?P<day>\d{1,2})[ -](?P<month>[A-Za-z]{3,9})[ -](?P<year>\d{4}|\d{2})", re.ASCII)
_TIME = re.compile(r"(?P<hour>\d{1,2})[.:](?P<minute>\d{2})(?:[.:](?P<second>\d{2}))?(?:[.,]\d+)?", re.ASCII)
_SPLIT = re.compile(r"(?<=\d)[T ]+(?=\d{1,2}[.:]\d{2})", re.ASCII)
_ISO_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}", re.ASCII).match
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("JAN",),
            ("FEB", "PEB"),
            ("MAR",),
            ("APR",),
            ("MAY", "MEI"),
            ("JUN",),
            ("JUL",),
            ("AUG", "AGU", "AGS"),
            ("SEP",),
            ("OCT", "OKT"),
            ("NOV", "NOP"),
            ("DEC", "DES"),
        ),
        start=1,
    )
    for name in names
}
_PIVOT = 69
"""Two-digit years from here on lie in the last century (as POSIX `strptime` reads them)."""


def day(raw: object) -> date | None:
    """Reads a date; None for the agency's words for no date (`''`, `-`, `1900-01-01`, `0000-00-00`).

    Reads dates, moments (their day in Jakarta) and the texts `dd/mm/yyyy`, `dd-mm-yyyy`, `yyyy-mm-dd`, `yyyymmdd`,
    `dd-Mon-yy` and `d Month yyyy` (months in Indonesian or English), each with or without a time behind it.
    Raises `UnreadableError` otherwise, also for impossible dates.
    """
    found: date | None
    if isinstance(raw, datetime):
        inside = _FIRST_YEAR < raw.year < _FOREVER  # else another zone may lie outside the calendar
        found = (raw.astimezone(CITY_TIME_ZONE) if raw.tzinfo and inside else raw).date()
    else:
        found = raw if isinstance(raw, date) else _read_day(raw)
    return None if found in NO_DAY else found


def partial_date(raw: object) -> PartialDate | None:
    """Reads a year, a month or a day; None for the agency's words for no date, as for `day`.

    Reads `yyyy` and `yyyy-mm`, as FHIR servers write what is known of a date, and everything that `day` reads. Raises
    `UnreadableError` otherwise, also for impossible months.
    """
    written = None if isinstance(raw, date) else _written(raw, "a partial date")
    parts = None if written is None else _PARTIAL.fullmatch(written)
    if written is None or parts is None:
        found = day(raw)
        return None if found is None else PartialDate(found.isoformat())
    if not _FIRST_YEAR < int(parts["year"]) < _FOREVER:
        return None
    if parts["month"] is not None and not 1 <= int(parts["month"]) <= _MONTHS_OF_YEAR:
        raise UnreadableError("a partial date")
    return PartialDate(written)


def moment(raw: object) -> datetime | None:
    """Reads a date and time with its time zone; None for the agency's words for no date, as for `day`.

    Reads moments and the texts of ISO 8601, and the days `day` reads followed by `HH:mm`, `HH:mm:ss`, `HH.mm` or
    `HH.mm.ss`. Without a time zone, it is in Jakarta's; the result always is. Raises `UnreadableError` otherwise, also
    for a date without a time.
    """
    found = raw if isinstance(raw, datetime) else _read_moment(raw)
    if found is None:
        return None
    if found.date() in NO_DAY or not _FIRST_YEAR < found.year < _FOREVER:
        return None
    return found.astimezone(CITY_TIME_ZONE) if found.tzinfo else found.replace(tzinfo=CITY_TIME_ZONE)


def utc_moment(raw: object) -> datetime | None:
    """Reads what `moment` reads; without a time zone, it is in UTC. The result is in Jakarta's zone."""
    found = raw if isinstance(raw, datetime) else _read_moment(raw)
    return moment(found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found)


def _read_day(raw: object) -> date | None:
    # Nearly all days are written in one of two forms. The way below takes two to three times as long for them.
    if isinstance(raw, str) and len(raw) in _PLAIN_LENGTHS:
        try:
            # `yyyy-mm-dd`, by the only form of `fromisoformat` with signs at these places: a fifth of the time below.
            if len(raw) == _ISO_LENGTH and raw[4] == raw[7] == "-":
                return date.fromisoformat(raw)
            if parts := _SLASHED.fullmatch(raw) or _ISO.fullmatch(raw):
                return date(int(parts["year"]), int(parts["month"]), int(parts["day"]))
        except ValueError:  # impossible, or without a value, such as 0000-00-00
            pass
    written = _written(raw, "a day")
    if written is None:
        return None
    if _ISO_MOMENT(written):
        return day(_iso_moment(written))
    return _day(_SPLIT.split(written, maxsplit=1)[0], "a day")


def _read_moment(raw: object) -> datetime | None:
    if isinstance(raw, str) and _ISO_MOMENT(raw):  # nearly all: the other forms cost several times as much
        try:
            return datetime.fromisoformat(raw)
        except ValueError:  # with blanks around it, or without a value, such as 0000-00-00
            pass
    written = _written(raw, "a moment")
    if written is None:
        return None
    return _iso_moment(written) if _ISO_MOMENT(written) else _local_moment(written)


def _written(raw: object, kind: str) -> str | None:
    written = text(raw, kind)
    return None if written is None or _ZEROS.fullmatch(written) else written


def _iso_moment(written: str) -> datetime:
    return _or_unreadable(lambda: datetime.fromisoformat(written), "a moment")


def _local_moment(written: str) -> datetime:
    halves = _SPLIT.split(written, maxsplit=1)
    clock = _TIME.fullmatch(halves[1]) if len(halves) == 2 else None  # noqa: PLR2004 - a day and a time are two
    if clock is None:
        raise UnreadableError("a moment")
    found = _day(halves[0], "a moment")
    hour, minute, second = int(clock["hour"]), int(clock["minute"]), int(clock["second"] or 0)
    return _or_unreadable(
        lambda: datetime(found.year, found.month, found.day, hour, minute, second, tzinfo=CITY_TIME_ZONE), "a moment"
    )


def _day(written: str, kind: str) -> date:
    for form in (_SLASHED, _ISO, _SOLID, _WORDED):
        if parts := form.fullmatch(written):
            break
    else:
        raise UnreadableError(kind)
    month = int(parts["month"]) if parts["month"].isdigit() else _MONTHS.get(parts["month"][:3].upper(), 0)
    year = int(parts["year"])
    if len(parts["year"]) == 2:  # noqa: PLR2004 - a two-digit year
        year += 1900 if year >= _PIVOT else 2000
    return _or_unreadable(lambda: date(year, month, int(parts["day"])), kind)


def _or_unreadable(read: Callable[[], _D], kind: str) -> _D:
    try:
        return read()
    except ValueError:  # its message holds the value
        raise UnreadableError(kind) from None
