"""Food prices: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.batch import forward
from records.calls.answers import Answers
from records.calls.call import Call
from records.prices import Commodity, CommodityQuery, Market, MarketQuery, Price, Trend, TrendQuery
from resolvers.caching import PUBLIC


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
commodity_lists = forward(Prices, Prices.commodity_lists, absent=(), caching=PUBLIC, scanned_rows=1_000)
commodities = forward(Prices, Prices.commodities, caching=PUBLIC)
# The agency takes one market, or one commodity and month, per call.
prices_of = forward(Prices, Prices.prices_of, absent=(), max_batch_size=1, caching=PUBLIC)
trends = forward(Prices, Prices.trends, max_batch_size=1, caching=PUBLIC)
