"""How the sandbox's food price service writes its answers: all text in one endpoint, all numbers in the others."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta

from sandbox.chance import chance
from sandbox.pangan_data import LAST_DAY, Priced, Prices
from sandbox.pangan_markets import CITIES, COMMODITIES, MARKETS, Commodity, Market
from sandbox.places import place_in
from sandbox.regions import regions

NONE = 999999
"""What the service writes where it has no number."""

ALL_MARKETS = 0
RECENT = timedelta(days=30)

Json = Mapping[str, object]


def markets(search: str) -> Json:
    """The markets whose name holds `search`; every value a string, and `total` only in the full list."""
    rows = [_market(market) for market in MARKETS.values() if search.lower() in market.name.lower()]
    return {"data": rows} if search else {"data": rows, "total": len(rows)}


def newest(prices: Prices, market: int) -> Json:
    """The newest price of every commodity in one market, or over all of them (market 0)."""
    row = _city_row if market == ALL_MARKETS else _market_row
    rows = [row(prices, market, commodity) for commodity in COMMODITIES.values()]
    return _success({"selected_price_date": LAST_DAY.isoformat(), "data": rows})


def report(days: Callable[[int], list[Priced]], commodities: Iterator[Commodity], year_month: str) -> Json:
    """A month of daily prices per commodity; `days` gives those of a commodity. No data is an empty list."""
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
    return _success({"data": rows})


def _success(data: Json) -> Json:
    return {"status": 200, "message": "success", "data": data}


def _market(market: Market) -> Json:
    draws = chance("pangan", "market", market.id)
    latitude, longitude = place_in(market.kelurahan, draws)
    kelurahan = regions().villages[market.kelurahan].name
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


def _market_row(prices: Prices, market: int, commodity: Commodity) -> Json:
    seen = prices.observed(market, commodity.id)
    if not seen:
        return _row(commodity, newest=NONE, prev=NONE, high=NONE, low=NONE, mean=NONE, day="")
    recent = [price for day, price in seen if day > LAST_DAY - RECENT]
    day = seen[-1][0].isoformat()
    if not recent:
        return _row(commodity, newest=0, prev=seen[-1][1], high=0, low=0, mean=0, day=day)
    return _row(
        commodity,
        newest=seen[-1][1],
        prev=seen[-2][1] if len(seen) > 1 else NONE,
        high=max(recent),
        low=min(recent),
        mean=sum(recent) // len(recent),
        day=day,
    )


def _city_row(prices: Prices, _: int, commodity: Commodity) -> Json:
    seen = prices.mean(MARKETS, commodity.id)
    day: date = seen[-1][0]
    values = prices.on(day, commodity.id)
    mean = sum(values) // len(values)
    gaps = (mean - min(values), max(values) - mean)
    return _row(
        commodity,
        newest=seen[-1][1],
        prev=seen[-2][1],
        high=max(values),
        low=min(values),
        mean=mean,
        day=day.isoformat(),
        gaps=gaps,
    )


def _row(
    commodity: Commodity,
    *,
    newest: int,
    prev: int,
    high: int,
    low: int,
    mean: int,
    day: str,
    gaps: tuple[int, int] = (NONE, NONE),
) -> Json:
    known = NONE not in (newest, prev) and newest != 0
    return {
        "commodity_id": commodity.id,
        "name": commodity.name,
        "unit": commodity.unit,
        "newest_price": newest,
        "prev_price": prev,
        "highest_price": high,
        "lowest_price": low,
        "avg_price": mean,
        "percentage_price_increase_warning": round(chance("pangan", "warning", commodity.id).uniform(10, 60), 2),
        "latest_new_price_date": day,
        "gap_min_price": gaps[0],
        "gap_max_price": gaps[1],
        "status": "stagnant" if not known or newest == prev else "rise" if newest > prev else "fall",
    }
