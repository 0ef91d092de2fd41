"""Dates and times of a GTFS feed, and the moments that they name."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_TIME: Final = re.compile(r"(\d{1,3}):([0-5]\d):([0-5]\d)", re.ASCII)
_DAY: Final = re.compile(r"\d{8}", re.ASCII)
_MAX_HOURS: Final = 240
_NOON: Final = time(12)


def parse_seconds(text: str) -> int | None:
    """Seconds since the start of a service day, which may pass 24:00:00; None for another text."""
    match = _TIME.fullmatch(text)
    if match is None or int(match[1]) > _MAX_HOURS:
        return None
    return int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3])


def write_seconds(seconds: int) -> str:
    """A time of a service day, as the feed writes it."""
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def parse_day(text: str) -> date | None:
    """A date; None for another text."""
    if not _DAY.fullmatch(text):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def find_moment(day: date, seconds: int, zone: ZoneInfo) -> datetime:
    """The moment of a time on a service day, which counts from noon minus twelve hours, whatever the clock does."""
    noon = datetime.combine(day, _NOON, zone).astimezone(UTC)
    return (noon + timedelta(seconds=seconds - 12 * 3600)).astimezone(zone)


def count_seconds(day: date, moment: datetime, zone: ZoneInfo) -> int:
    """The seconds of a moment on a service day."""
    noon = datetime.combine(day, _NOON, zone).astimezone(UTC)
    return int((moment.astimezone(UTC) - noon).total_seconds()) + 12 * 3600
