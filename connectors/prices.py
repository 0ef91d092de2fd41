"""What is too odd to declare of Info Pangan Jakarta: a movement without a price, and the means of a month's report.

The manifest of the service declares everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from statistics import fmean
from typing import Final

from connectors.readers.dates import day
from connectors.readers.money import rupiah
from connectors.readers.rows import Row, rows
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.identifiers import Rupiah
from records.prices import PriceMovement, Trend, TrendPoint, TrendQuery

_NO_PRICE: Final = frozenset({0, 999_999})
"""The service's values for a missing price."""
_MOVEMENTS: Final = {
    "RISE": PriceMovement.RISING,
    "FALL": PriceMovement.FALLING,
    "STAGNANT": PriceMovement.STAGNANT,
}
_MOST_ENTRIES: Final = 100
_MOST_DAYS: Final = 62
"""A report has one entry with the 31 days of a month; 6,200 days take 25 ms to read."""


def read_movement(newest_price: object, status: object) -> PriceMovement | None:
    """The change of a price. The service names one even where it has no newest price; then there is none."""
    if _price(newest_price) is None:
        return None
    if isinstance(status, str) and status in _MOVEMENTS:  # nearly all: as the service documents them
        return _MOVEMENTS[status]
    return _MOVEMENTS.get((text(status) or "").upper())


def read_trend(entries: Sequence[Row], query: TrendQuery) -> Trend:
    """One commodity's month from a report; without points where nothing was observed. Raises UnreadableError.

    The report has one entry with the city-wide price of each observed day; if there are several, the price of a day is
    their mean. The average of the month is the mean of its days.
    """
    if len(entries) > _MOST_ENTRIES:
        raise UnreadableError(f"a report of at most {_MOST_ENTRIES} entries")
    seen: dict[date, list[Rupiah]] = {}
    for entry in entries:
        for recap in rows(entry.get("recaps") or [], "a report", max_rows=_MOST_DAYS):
            on, value = day(recap.get("time")), _price(recap.get("value"))
            if on is not None and value is not None and (on.year, on.month) == (query.year, query.month):
                seen.setdefault(on, []).append(value)
    means = {on: fmean(values) for on, values in sorted(seen.items())}
    values = [value for day_values in seen.values() for value in day_values]
    return Trend(
        commodity_id=query.commodity_id,
        year=query.year,
        month=query.month,
        average_price=_whole(fmean(means.values())) if means else None,
        highest_price=max(values, default=None),
        lowest_price=min(values, default=None),
        points=tuple(TrendPoint(day=on, price=_whole(mean)) for on, mean in means.items()),
    )


def _price(raw: object) -> Rupiah | None:
    amount = rupiah(raw)
    return None if amount in _NO_PRICE else amount


def _whole(mean: float) -> Rupiah:
    return Rupiah(int(mean + 0.5))
