"""Food prices in the city's markets (Info Pangan Jakarta)."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from records.description import DescribedEnum, Doc
from records.identifiers import RegionCode, Rupiah
from records.record import record
from records.regions import Coordinates


class MarketLevel(DescribedEnum):
    """Whether a market is retail or wholesale."""

    RETAIL = "eceran", "Retail (eceran)."
    WHOLESALE = "grosir", "Wholesale (grosir)."


class PriceMovement(DescribedEnum):
    """The change of a price since the previous observation."""

    RISING = "rise", "Higher."
    FALLING = "fall", "Lower."
    STAGNANT = "stagnant", "Unchanged."


@record
class Market:
    """A market in which food prices are observed."""

    id: Annotated[str, Doc("Identifier at the price service.")]
    name: Annotated[str, Doc("Name of the market.")]
    short_name: Annotated[str | None, Doc("Short name of the market.")]
    city_name: Annotated[str | None, Doc("Name of its city, as the price service writes it.")]
    address: Annotated[str | None, Doc("Street address.")]
    coordinates: Annotated[Coordinates | None, Doc("Location on the map.")]
    phone: Annotated[str | None, Doc("Telephone number.")]
    level: Annotated[MarketLevel | None, Doc("Retail or wholesale.")]
    region_code: Annotated[RegionCode | None, Doc("Dotted Kemendagri code of the city it lies in.")]


@record
class Commodity:
    """A food whose price is observed."""

    id: Annotated[str, Doc("Identifier at the price service.")]
    name: Annotated[str, Doc("Name of the commodity (Indonesian).")]
    unit: Annotated[str | None, Doc("The unit of the price, such as `kg`.")]


@record
class Price:
    """The newest price of one commodity in one market, with earlier prices."""

    market_id: Annotated[str, Doc("The market.")]
    commodity: Annotated[Commodity, Doc("The commodity.")]
    price: Annotated[Rupiah | None, Doc("Newest price of one unit, in whole Rupiah; null if it was not observed.")]
    previous_price: Annotated[Rupiah | None, Doc("Price at the previous observation.")]
    highest_price: Annotated[Rupiah | None, Doc("Highest price in this market over the last 30 days.")]
    lowest_price: Annotated[Rupiah | None, Doc("Lowest price in this market over the last 30 days.")]
    average_price: Annotated[Rupiah | None, Doc("Average price in this market over the last 30 days.")]
    movement: Annotated[PriceMovement | None, Doc("Change since the previous observation.")]
    observed_on: Annotated[date | None, Doc("Date of the newest observation.")]


@record
class TrendQuery:
    """One commodity in one calendar month, averaged over the city's markets."""

    commodity_id: str
    year: int
    month: int


@record
class TrendPoint:
    """The city-wide price of a commodity on one day."""

    day: Annotated[date, Doc("Date of the observation. Days without an observation are omitted.")]
    price: Annotated[Rupiah, Doc("Average price over the city's markets, in whole Rupiah.")]


@record
class Trend:
    """The city-wide price of a commodity in one month."""

    commodity_id: Annotated[str, Doc("The commodity.")]
    year: Annotated[int, Doc("Calendar year.")]
    month: Annotated[int, Doc("Calendar month, 1 to 12.")]
    average_price: Annotated[Rupiah | None, Doc("Average of the month; null if nothing was observed.")]
    highest_price: Annotated[Rupiah | None, Doc("Highest price of the month.")]
    lowest_price: Annotated[Rupiah | None, Doc("Lowest price of the month.")]
    points: Annotated[tuple[TrendPoint, ...], Doc("Daily prices, oldest first.")]


@record
class MarketQuery:
    """A search for markets by text in the name; empty text finds all."""

    search: str = ""


@record
class CommodityQuery:
    """A search for commodities by text in the name; empty text finds all."""

    search: str = ""
