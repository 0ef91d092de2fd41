"""Food prices from the price service of the city (Info Pangan Jakarta), a paced REST interface with an API key."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from statistics import fmean
from typing import Final, NamedTuple, TypeVar

from connectors.batching.fan_out import fan_out
from connectors.batching.row_check import RowCheck
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.long_work import MAX_IMMEDIATE_ROWS
from connectors.readers.coordinates import coordinates
from connectors.readers.dates import day
from connectors.readers.money import rupiah
from connectors.readers.phones import phone
from connectors.readers.rows import Row, row, rows
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyMalformed, AgencyRefused
from records.identifiers import RegionCode, Rupiah
from records.prices import (
    Commodity,
    CommodityQuery,
    Market,
    MarketLevel,
    MarketQuery,
    Price,
    PriceMovement,
    Trend,
    TrendPoint,
    TrendQuery,
)

T = TypeVar("T")

AGENCY: Final = "pangan"

_NO_PRICE: Final = frozenset({0, 999_999})
"""The service's values for a missing price."""
_CITIES: Final = {
    "JAKARTA PUSAT": RegionCode("31.71"),
    "JAKARTA UTARA": RegionCode("31.72"),
    "JAKARTA BARAT": RegionCode("31.73"),
    "JAKARTA SELATAN": RegionCode("31.74"),
    "JAKARTA TIMUR": RegionCode("31.75"),
}
"""Kemendagri codes of the five cities, by the last two words of their names.

The service's own city ids are inconsistent: they are 1 to 5 in one of its lists and 31, 32, 73, ... in another.
"""
_SERVICE_ID: Final = re.compile(r"[1-9][0-9]{0,8}")
"""Valid ids of markets and commodities. Market 0 stands for all markets."""
_MOVEMENTS: Final = {
    "RISE": PriceMovement.RISING,
    "FALL": PriceMovement.FALLING,
    "STAGNANT": PriceMovement.STAGNANT,
}
_MOST_ENTRIES: Final = 100
_MOST_DAYS: Final = 62
"""A report has one entry with the 31 days of a month; 6,200 days take 25 ms to read."""
_EVERYWHERE: Final = "0"
_MARKETS_PATH: Final = "api2/v1/master-data/market"
_PRICES_PATH: Final = "api2/v2/public/master-data/commodity/markets"
_REPORT_PATH: Final = "api2/v1/public/report"
_NOT_FOUND: Final = 404
_FIRST_CLIENT_ERROR: Final = 400


class FoodPrices:
    """The price service for the graph.

    The service allows few requests per second; the gate of `http` paces them. `max_concurrency` limits the concurrent
    calls for different markets or months.
    """

    agency: Final = AGENCY

    def __init__(self, http: HttpDriver, *, max_concurrency: int = 4) -> None:
        """`http` sends the API key in its headers. Raises ValueError if the limit is not above 0."""
        if max_concurrency < 1:
            raise ValueError(f"FoodPrices: max_concurrency is {max_concurrency}. It must be above 0.")
        self._http = http
        self._side_by_side = max_concurrency
        self._check = RowCheck(AGENCY, http.counts)

    async def market_lists(self, queries: Sequence[MarketQuery], call: Call) -> Answers[MarketQuery, Sequence[Market]]:
        """Markets whose name contains the text of a query, ignoring case, in the service's order. One call for all."""
        if not queries:
            return {}
        found = await self._markets(call)
        return {query: tuple(each for each in found if _contains(each.name, query.search)) for query in queries}

    async def markets(self, ids: Sequence[str], call: Call) -> Answers[str, Market]:
        """Markets by their id. One call for all."""
        if not (known := _filter_ids(ids)):
            return {}
        wanted = frozenset(known)
        listed = [each for each in await self._markets(call) if each.id in wanted]
        found = self._check.group_by_key(listed, known, key_of=_id_of, id_of=_id_of)
        return {key: each if isinstance(each, AgencyMalformed) else each[0] for key, each in found.items()}

    async def commodity_lists(
        self, queries: Sequence[CommodityQuery], call: Call
    ) -> Answers[CommodityQuery, Sequence[Commodity]]:
        """Commodities whose name contains the text of a query, ignoring case. One call for all."""
        if not queries:
            return {}
        found = await self._commodities(call)
        return {query: tuple(each for each in found if _contains(each.name, query.search)) for query in queries}

    async def commodities(self, ids: Sequence[str], call: Call) -> Answers[str, Commodity]:
        """Commodities by their id. One call for all."""
        if not (known := _filter_ids(ids)):
            return {}
        found = {each.id: each for each in await self._commodities(call)}
        return {each: found[each] for each in known if each in found}

    async def prices_of(self, market_ids: Sequence[str], call: Call) -> Answers[str, Sequence[Price]]:
        """The newest prices of every commodity in each market: one call per market (the service has no batch)."""

        async def ask(market_id: str) -> Sequence[Price] | None:
            path = f"{_PRICES_PATH}/{market_id}"
            return await self._known(path, {}, call, lambda reply: prices_from(reply, market_id))

        return await fan_out(_filter_ids(market_ids), ask, limit=self._side_by_side)

    async def trends(self, queries: Sequence[TrendQuery], call: Call) -> Answers[TrendQuery, Trend]:
        """The city-wide prices of each commodity in its month: one call per query."""

        async def ask(query: TrendQuery) -> Trend | None:
            month = f"{query.year:04}-{query.month:02}"
            asked = {"filterBy": "commodity", "Id": query.commodity_id, "yearMonth": month}

            def check(entries: Sequence[Row]) -> None:
                """Check that an entry names the requested commodity, or none."""
                self._check.require_requested(filter(None, map(_commodity_of, entries)), {query.commodity_id})

            return await self._known(_REPORT_PATH, asked, call, lambda reply: trend_from(reply, query), check=check)

        known = [query for query in queries if _SERVICE_ID.fullmatch(query.commodity_id)]
        return await fan_out(known, ask, limit=self._side_by_side)

    async def probe(self, call: Call) -> None:
        """Request the list of markets, the cheapest call. Raises AgencyFailure."""
        await self._markets(call)

    async def _markets(self, call: Call) -> Sequence[Market]:
        return await self._found(_MARKETS_PATH, {}, call, markets_from)

    async def _commodities(self, call: Call) -> Sequence[Commodity]:
        return await self._found(f"{_PRICES_PATH}/{_EVERYWHERE}", {}, call, commodities_from)

    async def _found(self, path: str, query: Mapping[str, str], call: Call, mapping: Callable[[object], T]) -> T:
        """The content of a path that always exists."""
        found = await self._known(path, query, call, mapping)
        if found is None:
            raise AgencyRefused(AGENCY, f"HTTP {_NOT_FOUND}")
        return found

    async def _known(
        self,
        path: str,
        query: Mapping[str, str],
        call: Call,
        mapping: Callable[[object], T],
        *,
        check: Callable[[Sequence[Row]], None] = lambda _entries: None,
    ) -> T | None:
        """Read a path; None if the service does not know the market or commodity.

        `check` checks inside the gate that the entries answer the request.
        """
        listed = await self._http.ask_json("GET", path, call, partial(_parse_listed, check), query=query)
        if listed is None:
            return None
        work = partial(_map_reply, mapping, listed.reply)
        return work() if listed.length <= MAX_IMMEDIATE_ROWS else await self._http.work.run(work)


class _Listed(NamedTuple):
    """A reply of the service with a list, and the length of the list."""

    reply: object
    length: int


def _parse_listed(check: Callable[[Sequence[Row]], None], status: int, reply: object) -> _Listed | None:
    """Runs inside the gate, so that a reply without a list counts against the service. None for HTTP 404."""
    if status == _NOT_FOUND:
        return None
    if status >= _FIRST_CLIENT_ERROR:
        raise AgencyRefused(AGENCY, f"HTTP {status}")
    try:
        data = row(reply).get("data")
        entries = rows(row(data).get("data") if isinstance(data, Mapping) else data)
        check(entries)
        return _Listed(reply, len(entries))
    except UnreadableError as error:
        raise AgencyMalformed(AGENCY, str(error)) from None


def _map_reply(mapping: Callable[[object], T], reply: object) -> T:
    """Runs outside the gate, because one unreadable record does not count. At most 1,000 rows, 6 µs each."""
    try:
        return mapping(reply)
    except UnreadableError as error:
        raise AgencyMalformed(AGENCY, str(error)) from None


def markets_from(reply: object) -> tuple[Market, ...]:
    """Every market of a market list (`{"data": [...]}`, where all values are strings). Raises UnreadableError."""
    listed = rows(row(reply).get("data"), "a list of markets")
    return tuple(_market(each) for each in listed if text(each.get("market_id")))


def commodities_from(reply: object) -> tuple[Commodity, ...]:
    """Every commodity of a price list, once each. Raises UnreadableError."""
    found = {known.id: known for each in _price_rows(reply) if (known := _commodity(each))}
    return tuple(found.values())


def prices_from(reply: object, market_id: str) -> tuple[Price, ...]:
    """Every price of the price list of one market. Raises UnreadableError."""
    return tuple(
        Price(
            market_id=market_id,
            commodity=commodity,
            price=(newest := _price(each.get("newest_price"))),
            previous_price=_price(each.get("prev_price")),
            highest_price=_price(each.get("highest_price")),
            lowest_price=_price(each.get("lowest_price")),
            average_price=_price(each.get("avg_price")),
            # Without a newest price, the service reports no movement.
            movement=_MOVEMENTS.get((text(each.get("status")) or "").upper()) if newest is not None else None,
            observed_on=day(each.get("latest_new_price_date")),
        )
        for each in _price_rows(reply)
        if (commodity := _commodity(each))
    )


def trend_from(reply: object, query: TrendQuery) -> Trend:
    """One commodity's month from a report; without points where nothing was observed. Raises UnreadableError.

    The report has one entry with the city-wide price of each observed day; if there are several, the price of a day is
    their mean. The average of the month is the mean of its days.
    """
    entries = [
        each
        for each in rows(row(row(reply).get("data")).get("data"), "a report", max_rows=_MOST_ENTRIES)
        if text(each.get("commodity_id")) in {None, query.commodity_id}
    ]
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


def _market(listed: Row) -> Market:
    name = text(listed.get("market_name"))
    short_name = text(listed.get("market_short_name"))
    identifier = text(listed.get("market_id"))
    city = text(listed.get("city_name"))
    if identifier is None or (shown := name or short_name) is None:
        raise UnreadableError("a market")
    return Market(
        id=identifier,
        name=shown,
        short_name=short_name,
        city_name=city,
        address=text(listed.get("market_address")),
        coordinates=coordinates(listed.get("market_latitude"), listed.get("market_longitude")),
        phone=_phone(listed.get("market_phone")),
        level=_level(listed.get("market_level")),
        region_code=_CITIES.get(" ".join(city.upper().split()[-2:])) if city else None,
    )


def _commodity(listed: Row) -> Commodity | None:
    identifier, name = text(listed.get("commodity_id")), text(listed.get("name"))
    if identifier is None or name is None:
        return None
    return Commodity(id=identifier, name=name, unit=text(listed.get("unit")))


def _price_rows(reply: object) -> tuple[Row, ...]:
    return rows(row(row(reply).get("data")).get("data"), "a price list")


def _price(raw: object) -> Rupiah | None:
    amount = rupiah(raw)
    return None if amount in _NO_PRICE else amount


def _whole(mean: float) -> Rupiah:
    return Rupiah(int(mean + 0.5))


def _phone(raw: object) -> str | None:
    # Markets write free text here ("hubungi kantor pasar"), which must not fail the market.
    try:
        return phone(raw)
    except UnreadableError:
        return None


def _level(raw: object) -> MarketLevel | None:
    word = (text(raw) or "").lower()
    return next((level for level in MarketLevel if level.value == word), None)


def _id_of(listed: Market) -> str:
    return listed.id


def _commodity_of(entry: Row) -> str | None:
    return text(entry.get("commodity_id"))


def _contains(name: str, search: str) -> bool:
    return search.strip().casefold() in name.casefold()


def _filter_ids(ids: Iterable[str]) -> list[str]:
    """Select the valid ids of the service; other text from callers must not get into its URLs."""
    return [each for each in ids if _SERVICE_ID.fullmatch(each)]
