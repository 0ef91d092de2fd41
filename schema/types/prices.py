"""Food prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import strawberry

from auth.policy.rules import Rule
from engine.errors import BadInput
from records.identifiers import RegionCode
from records.prices import Commodity, CommodityQuery, Market, MarketQuery, Price, Trend, TrendPoint, TrendQuery
from records.regions import Region
from resolvers.prices import commodities, commodity_lists, market_lists, markets, markets_inside, prices_of, trends
from resolvers.regions import regions
from schema.declarations.additions import adds_to, adds_to_query
from schema.declarations.fields import edge, root
from schema.declarations.publishing import Refetch, publishes
from schema.declarations.relay import First, Node, Search, check_first, estimate_matches
from schema.types.regions import CoordinatesType, RegionType

_FIRST_YEAR = 2024
_MONTHS = 12


@publishes(TrendPoint, rule=Rule.PUBLIC, shows=("day", "price"))
class TrendPointType:
    """The published `TrendPoint`."""


@publishes(
    Trend,
    rule=Rule.PUBLIC,
    shows=("year", "month", "average_price", "highest_price", "lowest_price", "points"),
    nested=(TrendPointType,),
)
class TrendType:
    """The published `Trend`."""


def _build_trend_query(
    record: Commodity,
    year: Annotated[int, strawberry.argument(description="Calendar year, from 2024.")],
    month: Annotated[int, strawberry.argument(description="Calendar month, 1 to 12.")],
) -> TrendQuery:
    if not 1 <= month <= _MONTHS:
        raise BadInput(f"Argument 'month' is {month}; it must be from 1 to 12.")
    if not _FIRST_YEAR <= year <= 9999:  # noqa: PLR2004 - four digits
        raise BadInput(f"Argument 'year' is {year}; prices are available from {_FIRST_YEAR}.")
    return TrendQuery(commodity_id=record.id, year=year, month=month)


@publishes(
    Commodity,
    rule=Rule.PUBLIC,
    shows=("name", "unit"),
    refetch=Refetch(batch=commodities, seal=lambda commodity: commodity.id, unseal=str),
)
class CommodityType(Node):
    """The published `Commodity`."""

    trend: TrendType | None = edge(trends, key=_build_trend_query, description="Its city-wide price in one month.")


@publishes(
    Price,
    rule=Rule.PUBLIC,
    shows=(
        "commodity",
        "price",
        "previous_price",
        "highest_price",
        "lowest_price",
        "average_price",
        "movement",
        "observed_on",
    ),
    nested=(CommodityType,),
)
class PriceType:
    """The published `Price`."""


def _get_market_id(
    record: Market,
    search: Annotated[  # noqa: ARG001 - filters the answer, because a market's prices come in one call
        str, strawberry.argument(description="Only commodities whose name contains this text, ignoring case.")
    ] = "",
) -> str:
    return record.id


def _filter_by_name(prices: Sequence[Price], arguments: Mapping[str, Any]) -> Sequence[Price]:
    text = arguments.get("search", "").casefold()
    return [price for price in prices if text in price.commodity.name.casefold()]


@publishes(
    Market,
    rule=Rule.PUBLIC,
    shows=("name", "short_name", "city_name", "address", "coordinates", "phone", "level"),
    nested=(CoordinatesType,),
    refetch=Refetch(batch=markets, seal=lambda market: market.id, unseal=str),
)
class MarketType(Node):
    """The published `Market`."""

    region: RegionType | None = edge(regions, key="region_code", description="Its city.")
    prices: list[PriceType] | None = edge(
        prices_of,
        key=_get_market_id,
        transform=_filter_by_name,
        expected_size=lambda arguments: 2 if arguments.get("search") else 20,
        description="The newest prices in this market. The price service allows one market per call and one call per"
        " second, so request few markets in one operation.",
    )


def _truncate_markets(found: Sequence[Market], arguments: Mapping[str, Any]) -> Sequence[Market]:
    return found[: arguments["first"]]


def _get_region_code(record: Region, first: First = 5) -> RegionCode:
    check_first(first)
    return record.code


@adds_to(RegionType)
class MarketsOfRegion:
    """The markets of a region."""

    markets: list[MarketType] | None = edge(
        markets_inside,
        key=_get_region_code,
        transform=_truncate_markets,
        description="The food markets inside it; for a district or a kelurahan, those of its city.",
    )


@adds_to_query
class PriceQueries:
    """The root fields of food prices."""

    @root(market_lists, returns=list[MarketType] | None, rule=Rule.PUBLIC, transform=_truncate_markets)
    def markets(search: Search = "", first: First = 10) -> MarketQuery:
        """Markets whose food prices are observed."""
        check_first(first)
        return MarketQuery(search=search)

    @root(commodity_lists, returns=list[CommodityType] | None, rule=Rule.PUBLIC, expected_size=estimate_matches)
    def commodities(search: Search = "") -> CommodityQuery:
        """Food commodities whose price is observed."""
        return CommodityQuery(search=search)
