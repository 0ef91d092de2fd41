"""Builds the answers of the sandbox's food price service: strings in one endpoint, numbers in the others."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from sandbox.pangan.markets import CITIES, COMMODITIES, MARKETS, PanganCommodity, PanganMarket
from sandbox.pangan.prices import DatedPrice, PriceData
from sandbox.population.places import draw_point
from sandbox.population.regions import load_regions
from sandbox.population.seeded_random import seeded_random

NO_PRICE = 999999
"""The value that the service writes for a missing number."""

ALL_MARKETS = 0
RECENT = timedelta(days=30)

Json = Mapping[str, object]


def build_market_list(search: str) -> Json:
    """The markets whose name contains `search`; all values are strings, and only the full list has `total`."""
    rows = [_build_market(market) for market in MARKETS.values() if search.lower() in market.name.lower()]
    return {"data": rows} if search else {"data": rows, "total": len(rows)}


def build_newest(prices: PriceData, market: int) -> Json:
    """The newest price of every commodity in one market, or over all markets (market 0)."""
    row = _build_city_row if market == ALL_MARKETS else _build_market_row
    rows = [row(prices, market, commodity) for commodity in COMMODITIES.values()]
    return _build_success({"selected_price_date": prices.today.isoformat(), "data": rows})


def build_report(
    days: Callable[[int], list[DatedPrice]], commodities: Iterator[PanganCommodity], year_month: str
) -> Json:
    """A month of daily prices per commodity; `days` returns the prices of a commodity. No data is an empty list."""
    rows = []
    for commodity in commodities:
        recaps = [(day, price) for day, price in days(commodity.id) if f"{day:%Y-%m}" == year_month]
        if recaps:
            values = [price for _, price in recaps]
            rows.append(
                {
                    "commodity_id": commodity.id,
                    "commodity_name": commodity.name,
                    "avg_value": sum(values) // len(values),
                    "max_value": max(values),
                    "min_value": min(values),
                    "recaps": [{"value": price, "time": day.isoformat()} for day, price in recaps],
                }
            )
    return _build_success({"data": rows})


def _build_success(data: Json) -> Json:
    return {"status": 200, "message": "success", "data": data}


def _build_market(market: PanganMarket) -> Json:
    draws = seeded_random("pangan", "market", market.id)
    latitude, longitude = draw_point(market.kelurahan, draws)
    kelurahan = load_regions().villages[market.kelurahan].name
    return {
        "city_id": str(market.city),
        "city_name": CITIES[market.city],
        "market_id": str(market.id),
        "market_name": market.name,
        "market_short_name": market.name.removeprefix("Pasar "),
        "market_address": f"Jl. {kelurahan} Raya No. {draws.randint(1, 90)}",
        "market_latitude": f"{latitude:.6f}",
        "market_longitude": f"{longitude:.6f}",
        "market_phone": draws.choice(("", "-", f"021-{draws.randint(3_000_000, 8_999_999)}")),
        "market_level": "grosir" if market.wholesale else "eceran",
        "kelurahan_code": market.kelurahan,
    }


class PriceSummary(NamedTuple):
    """The prices of one commodity, as a row shows them."""

    newest: int
    prev: int
    high: int
    low: int
    mean: int
    day: str
    gap_min: int = NO_PRICE
    gap_max: int = NO_PRICE


def _build_market_row(prices: PriceData, market: int, commodity: PanganCommodity) -> Json:
    seen = prices.prices_of(market, commodity.id)
    if not seen:
        return _build_row(
            commodity, PriceSummary(newest=NO_PRICE, prev=NO_PRICE, high=NO_PRICE, low=NO_PRICE, mean=NO_PRICE, day="")
        )
    recent = [price for day, price in seen if day > prices.today - RECENT]
    day = seen[-1][0].isoformat()
    if not recent:
        return _build_row(commodity, PriceSummary(newest=0, prev=seen[-1][1], high=0, low=0, mean=0, day=day))
    return _build_row(
        commodity,
        PriceSummary(
            newest=seen[-1][1],
            prev=seen[-2][1] if len(seen) > 1 else NO_PRICE,
            high=max(recent),
            low=min(recent),
            mean=sum(recent) // len(recent),
            day=day,
        ),
    )


def _build_city_row(prices: PriceData, _: int, commodity: PanganCommodity) -> Json:
    seen = prices.mean_prices_of(MARKETS, commodity.id)
    day: date = seen[-1][0]
    values = prices.prices_on(day, commodity.id)
    mean = sum(values) // len(values)
    return _build_row(
        commodity,
        PriceSummary(
            newest=seen[-1][1],
            prev=seen[-2][1],
            high=max(values),
            low=min(values),
            mean=mean,
            day=day.isoformat(),
            gap_min=mean - min(values),
            gap_max=max(values) - mean,
        ),
    )


def _build_row(commodity: PanganCommodity, summary: PriceSummary) -> Json:
    newest, prev = summary.newest, summary.prev
    known = NO_PRICE not in (newest, prev) and newest != 0
    return {
        "commodity_id": commodity.id,
        "name": commodity.name,
        "unit": commodity.unit,
        "newest_price": newest,
        "prev_price": prev,
        "highest_price": summary.high,
        "lowest_price": summary.low,
        "avg_price": summary.mean,
        "percentage_price_increase_warning": round(seeded_random("pangan", "warning", commodity.id).uniform(10, 60), 2),
        "latest_new_price_date": summary.day,
        "gap_min_price": summary.gap_min,
        "gap_max_price": summary.gap_max,
        "status": "stagnant" if not known or newest == prev else "rise" if newest > prev else "fall",
    }
