"""The time of the sandbox city: its data is generated for one day and moved to the day of the city's first start."""

import contextlib
from datetime import date, datetime, timedelta, timezone

WIB = timezone(timedelta(hours=7), "WIB")
"""Western Indonesia Time, the zone of Jakarta."""

DATA_NOW = datetime(2026, 11, 1, tzinfo=WIB)
"""The time for which the data is generated: before it is moved, no bill, complaint or price is newer."""

DATA_DAY = DATA_NOW.date()
"""Its day. A city whose `today` is this day has its data unmoved."""


def parse_today(text: str) -> date:
    """A day such as 2026-11-01, from 2000 to 2099. Raises ValueError with a line for a person."""
    with contextlib.suppress(ValueError):
        today = date.fromisoformat(text)
        if today.year // 100 == DATA_DAY.year // 100:
            return today
    raise ValueError(f"{text!r} is not a day from 2000 to 2099, such as {DATA_DAY}")


def count_years_moved(today: date) -> int:
    """Whole years from `DATA_DAY` to `today`; negative for an earlier day."""
    return today.year - DATA_DAY.year - ((today.month, today.day) < (DATA_DAY.month, DATA_DAY.day))
