"""Food prices: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from engine.batch import batch
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.freshness import Freshness, hours, minutes
from records.prices import Commodity, CommodityQuery, Market, MarketQuery, Price, Trend, TrendQuery
from resolvers.batch_context import HubBatchContext

_PRICES = Freshness(
    fresh=minutes(15),
    stale_while_revalidate=minutes(15),
    stale_if_error=hours(24),
    unknown_key_seconds=minutes(1),
    is_personal=False,
)
"""Prices are observed once a day, in the morning; the agency allows one call per second."""
_HISTORY = replace(_PRICES, fresh=hours(24), stale_if_error=hours(48))


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


@batch(agency="pangan", absent=(), freshness=_PRICES)
async def market_lists(
    queries: Sequence[MarketQuery], context: HubBatchContext
) -> Answers[MarketQuery, Sequence[Market]]:
    """Markets by name."""
    return await context.agencies[Prices].market_lists(queries, context.call)


@batch(agency="pangan", freshness=_PRICES)
async def markets(ids: Sequence[str], context: HubBatchContext) -> Answers[str, Market]:
    """Markets by identifier."""
    return await context.agencies[Prices].markets(ids, context.call)


@batch(agency="pangan", absent=(), freshness=_PRICES)
async def commodity_lists(
    queries: Sequence[CommodityQuery], context: HubBatchContext
) -> Answers[CommodityQuery, Sequence[Commodity]]:
    """Commodities by name."""
    return await context.agencies[Prices].commodity_lists(queries, context.call)


@batch(agency="pangan", freshness=_PRICES)
async def commodities(ids: Sequence[str], context: HubBatchContext) -> Answers[str, Commodity]:
    """Commodities by identifier."""
    return await context.agencies[Prices].commodities(ids, context.call)


@batch(agency="pangan", absent=(), max_batch_size=1, freshness=_PRICES)
async def prices_of(market_ids: Sequence[str], context: HubBatchContext) -> Answers[str, Sequence[Price]]:
    """The newest prices in each market. The agency takes one market per call and one call per second."""
    return await context.agencies[Prices].prices_of(market_ids, context.call)


@batch(agency="pangan", max_batch_size=1, freshness=_HISTORY)
async def trends(queries: Sequence[TrendQuery], context: HubBatchContext) -> Answers[TrendQuery, Trend]:
    """The prices of each commodity through each month. One call for each, one call per second."""
    return await context.agencies[Prices].trends(queries, context.call)
