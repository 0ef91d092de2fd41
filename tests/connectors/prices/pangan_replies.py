"""Replies of the food price service, read by the connector that its manifest declares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.reply import HttpReply
from connectors.drivers.http.service import HttpLimits, HttpRequest, HttpService
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.prices import Commodity, CommodityQuery, Market, MarketQuery, Price, Trend, TrendQuery
from tests.connectors.city_agencies import build_pangan
from tests.connectors.failures import make_call

T = TypeVar("T")


class ReplyingService(HttpDriver):
    """A service that gives the same JSON value to every call."""

    def __init__(self, reply: object) -> None:
        limits = HttpLimits(deadline=5, connections=1, max_bytes=1)
        super().__init__(HttpService("pangan", "http://127.0.0.1:9", headers={}), limits)
        self._reply = reply

    async def ask_value(
        self, request: HttpRequest, call: Call, read: Callable[[HttpReply, object], T], *, writes: bool = False
    ) -> T:
        del request, call, writes
        return read(HttpReply(status=200, headers={}, body=b""), self._reply)


async def read_markets(reply: object) -> Sequence[Market]:
    """Every market of a list. Raises `AgencyMalformed`."""
    found: Sequence[Market] = await _read("market_lists", reply, MarketQuery())
    return found


async def read_commodities(reply: object) -> Sequence[Commodity]:
    """Every commodity of a price list. Raises `AgencyMalformed`."""
    found: Sequence[Commodity] = await _read("commodity_lists", reply, CommodityQuery())
    return found


async def read_prices(reply: object, market_id: str) -> Sequence[Price]:
    """Every price of the price list of one market. Raises `AgencyMalformed`."""
    found: Sequence[Price] = await _read("prices_of", reply, market_id)
    return found


async def read_trend(reply: object, query: TrendQuery) -> Trend:
    """The month of one commodity. Raises `AgencyMalformed`."""
    found: Trend = await _read("trends", reply, query)
    return found


async def _read(name: str, reply: object, key: object) -> Any:  # noqa: ANN401 - any answer
    connector = build_pangan(ReplyingService(reply))
    answer = (await getattr(connector, name)([key], make_call()))[key]
    if isinstance(answer, AgencyFailure):
        raise answer
    return answer
