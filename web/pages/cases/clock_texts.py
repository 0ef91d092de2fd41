"""Deadlines in plain words: `by Wednesday at 15:00 WIB`, `2 days late`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from records.clocks import CITY_TIME_ZONE
from web.pages.words import Words

_NEAR: Final = timedelta(days=6)
"""Deadlines within this time are named by their weekday."""
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


def describe_clock(clock: Mapping[str, Any], words: Words, now: datetime) -> str:
    """The deadline, or by how much it is missed."""
    texts, due = words["clocks"], datetime.fromisoformat(clock["dueAt"])
    if clock["isLate"] or due < now:
        late = max(now - due, timedelta())
        count, unit = (late // _DAY, "day") if late >= _DAY else (late // _HOUR, "hour")
        if count == 0:
            return str(texts["just_late"])
        return str(texts[f"{unit}_late" if count == 1 else f"{unit}s_late"]).format(count=count)
    local, today = due.astimezone(CITY_TIME_ZONE), now.astimezone(CITY_TIME_ZONE).date()
    if local.date() - today > _NEAR:
        return str(texts["due"]).format(when=words.moment(clock["dueAt"]))
    day = texts["today"] if local.date() == today else texts["weekdays"][local.weekday()]
    return str(texts["due"]).format(when=str(texts["near"]).format(day=day, time=words.time(due.timestamp())))
