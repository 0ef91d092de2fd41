"""Food prices: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from engine.batch import batch, forward, load_answers
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.identifiers import RegionCode
from records.prices import Commodity, CommodityQuery, Market, MarketQuery, Price, Trend, TrendQuery
from resolvers.batch_context import HubBatchContext
from resolvers.caching import PUBLIC

_CITY_LENGTH: Final = len("31.71")


class Prices(Protocol):
    """The domain of food prices. The composition root binds a connector to it."""

    async def market_lists(self, queries: Sequence[MarketQuery], call: Call) -> Answers[MarketQuery, Sequence[Market]]:
        """Markets by name."""

    async def markets(self, ids: Sequence[str], call: Call) -> Answers[str, Market]:
        """Markets by identifier."""

    async def commodity_lists(
        self, queries: Sequence[CommodityQuery], call: Call
    ) -> Answers[CommodityQuery, Sequence[Commodity]]:
        """Commodities by name."""

    async def commodities(self, ids: Sequence[str], call: Call) -> Answers[str, Commodity]:
        """Commodities by identifier."""

    async def prices_of(self, market_ids: Sequence[str], call: Call) -> Answers[str, Sequence[Price]]:
        """The newest prices in each market."""

    async def trends(self, queries: Sequence[TrendQuery], call: Call) -> Answers[TrendQuery, Trend]:
        """The prices of one commodity through a month."""


market_lists = forward(Prices, Prices.market_lists, absent=(), caching=PUBLIC, scanned_rows=1_000)
markets = forward(Prices, Prices.markets, caching=PUBLIC)


@batch(domain=Prices, read="market_lists", absent=(), reads=(market_lists,))
async def markets_inside(
    codes: Sequence[RegionCode], context: HubBatchContext
) -> Answers[RegionCode, Sequence[Market]]:
    """The markets inside each region.

    The price service knows the city of a market and nothing narrower: a district and a kelurahan have those of their
    city.
    """
    everything = MarketQuery()
    found = (await load_answers(market_lists, [everything], context, context.recorder)).get(everything, ())
    if isinstance(found, AgencyFailure):
        return dict.fromkeys(codes, found)
    return {code: _find_inside(found, code) for code in codes}


def _find_inside(found: Sequence[Market], region: RegionCode) -> Sequence[Market]:
    city = region[:_CITY_LENGTH]
    return [each for each in found if each.region_code is not None and each.region_code.startswith(city)]


commodity_lists = forward(Prices, Prices.commodity_lists, absent=(), caching=PUBLIC, scanned_rows=1_000)
commodities = forward(Prices, Prices.commodities, caching=PUBLIC)
# The agency takes one market, or one commodity and month, per call.
prices_of = forward(Prices, Prices.prices_of, absent=(), max_batch_size=1, caching=PUBLIC)
trends = forward(Prices, Prices.trends, max_batch_size=1, caching=PUBLIC)
