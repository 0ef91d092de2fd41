"""Food prices: what can be asked, and how it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from engine.batch import batch
from records.answers import Answers
from records.call import Call
from records.freshness import Freshness, hours, minutes
from records.prices import Commodity, CommodityQuery, Market, MarketQuery, Price, Trend, TrendQuery
from resolvers.ask import Ask

_PRICES = Freshness(fresh=minutes(15), revalidating=minutes(15), failing=hours(24), absent=minutes(1), personal=False)
"""Observed once a day, in the morning; the agency takes one call a second."""
_HISTORY = replace(_PRICES, fresh=hours(24), failing=hours(48))


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
        """How prices went through a month."""


@batch(agency="pangan", absent=(), freshness=_PRICES)
async def market_lists(queries: Sequence[MarketQuery], ask: Ask) -> Answers[MarketQuery, Sequence[Market]]:
    """Markets by name."""
    return await ask.agencies[Prices].market_lists(queries, ask.call)


@batch(agency="pangan", freshness=_PRICES)
async def markets(ids: Sequence[str], ask: Ask) -> Answers[str, Market]:
    """Markets by identifier."""
    return await ask.agencies[Prices].markets(ids, ask.call)


@batch(agency="pangan", absent=(), freshness=_PRICES)
async def commodity_lists(queries: Sequence[CommodityQuery], ask: Ask) -> Answers[CommodityQuery, Sequence[Commodity]]:
    """Commodities by name."""
    return await ask.agencies[Prices].commodity_lists(queries, ask.call)


@batch(agency="pangan", freshness=_PRICES)
async def commodities(ids: Sequence[str], ask: Ask) -> Answers[str, Commodity]:
    """Commodities by identifier."""
    return await ask.agencies[Prices].commodities(ids, ask.call)


@batch(agency="pangan", absent=(), keys_a_call=1, freshness=_PRICES)
async def prices_of(market_ids: Sequence[str], ask: Ask) -> Answers[str, Sequence[Price]]:
    """The newest prices in each market. The agency takes one market a call and one call a second."""
    return await ask.agencies[Prices].prices_of(market_ids, ask.call)


@batch(agency="pangan", keys_a_call=1, freshness=_HISTORY)
async def trends(queries: Sequence[TrendQuery], ask: Ask) -> Answers[TrendQuery, Trend]:
    """How the price of each commodity went through each month. One call for each, one call a second."""
    return await ask.agencies[Prices].trends(queries, ask.call)
