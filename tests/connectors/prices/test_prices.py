from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import orjson
import pytest

from connectors.declared.connector import DeclaredConnector as FoodPrices
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpLimits, HttpService
from connectors.resilience.agency_terms import AgencyTerms
from connectors.resilience.gate import Gate
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused, AgencyTimeout
from records.prices import (
    CommodityQuery,
    MarketQuery,
    TrendQuery,
)
from tests.connectors.city_agencies import build_pangan
from tests.connectors.drivers.byte_server import reply, serve_bytes
from tests.connectors.prices.pangan_replies import read_prices, read_trend
from tests.sandbox.agency_requests import temporary_setting
from tests.sandbox_agencies import RunningAgency

RECORDED = Path(__file__).parents[1] / "recorded"
MARKETS = "GET /api2/v1/master-data/market"
NEWEST = "GET /api2/v2/public/master-data/commodity/markets/{market_id}"
REPORT = "GET /api2/v1/public/report"
FAST = 1000.0
"""Calls a second; a test that is not about the rate does not wait for it."""
CHILLI = TrendQuery(commodity_id="10", year=2026, month=10)


def recorded(name: str) -> Any:  # noqa: ANN401 - JSON
    return orjson.loads((RECORDED / name).read_bytes())


def call(seconds: float = 5) -> Call:
    return Call(deadline=monotonic() + seconds, request_id="r-1")


@asynccontextmanager
async def connect(base: str, key: str = "kunci", *, rate: float = FAST, burst: int = 100) -> AsyncIterator[FoodPrices]:
    http = HttpDriver(
        HttpService("pangan", base, headers={"app-client-id": key}),
        HttpLimits(deadline=5, connections=4, max_bytes=1_000_000),
        gate=Gate("pangan", AgencyTerms(deadline=5, max_concurrency=4, rate=rate, burst=burst)),
    )
    try:
        yield build_pangan(http)
    finally:
        await http.close()


def base_of(agency: RunningAgency) -> str:
    return f"http://127.0.0.1:{agency.port}"


@pytest.fixture
async def connector(pangan: RunningAgency) -> AsyncIterator[FoodPrices]:
    async with connect(base_of(pangan), pangan.secret) as connector:
        pangan.reset_calls()
        yield connector


class TestTheService:
    async def test_any_number_of_market_searches_takes_one_call(
        self, pangan: RunningAgency, connector: FoodPrices
    ) -> None:
        queries = [MarketQuery(search=text) for text in ("SENEN", "induk ", "", "tidak ada")]

        answers = await connector.market_lists(queries, call())

        found = [[each.name for each in answer] for answer in answers.values() if not isinstance(answer, AgencyFailure)]
        assert found[0] == ["Pasar Senen Blok III - VI"]
        assert found[1][0] == "Pasar Induk Tanah Tinggi"
        assert len(found[2]) == 50
        assert found[3] == []
        assert pangan.count_calls() == {MARKETS: 1}

    async def test_markets_and_commodities_by_id_take_one_call_each(
        self, pangan: RunningAgency, connector: FoodPrices
    ) -> None:
        markets = await connector.markets(["3", "0", "99", "../1", "", "03"], call())
        commodities = await connector.commodities(["10", "0", "99", "x"], call())

        assert [getattr(each, "name", each) for each in markets.values()] == ["Pasar Senen Blok III - VI"]
        assert list(markets) == ["3"]
        assert {id_: getattr(each, "name", each) for id_, each in commodities.items()} == {"10": "Cabe Merah Keriting"}
        assert pangan.count_calls() == {MARKETS: 1, NEWEST: 1}

    async def test_any_number_of_commodity_searches_takes_one_call(
        self, pangan: RunningAgency, connector: FoodPrices
    ) -> None:
        answers = await connector.commodity_lists([CommodityQuery(search="BERAS ir"), CommodityQuery()], call())

        first, everything = answers.values()
        assert not isinstance(first, AgencyFailure)
        assert not isinstance(everything, AgencyFailure)
        assert {each.name[:8] for each in first} == {"Beras IR"}
        assert len(everything) == 47
        assert pangan.count_calls() == {NEWEST: 1}

    async def test_prices_take_one_call_per_market_and_unknown_markets_are_absent(
        self, pangan: RunningAgency, connector: FoodPrices
    ) -> None:
        answers = await connector.prices_of(["3", "20", "99", "0", "../0"], call())

        assert list(answers) == ["3", "20"]
        assert answers["3"] == await read_prices(recorded("pangan_newest_market_3.json"), "3")
        assert answers["20"] == await read_prices(recorded("pangan_newest_closed_market_20.json"), "20")
        assert pangan.count_calls() == {NEWEST: 3}

    async def test_trends_take_one_call_per_month_and_unknown_commodities_are_absent(
        self, pangan: RunningAgency, connector: FoodPrices
    ) -> None:
        before = TrendQuery(commodity_id="10", year=2025, month=1)
        unknown = TrendQuery(commodity_id="99", year=2026, month=10)
        odd = TrendQuery(commodity_id="1&Id=2", year=2026, month=10)

        answers = await connector.trends([CHILLI, before, unknown, odd], call())

        assert list(answers) == [CHILLI, before]
        assert answers[CHILLI] == await read_trend(recorded("pangan_report_commodity_10.json"), CHILLI)
        assert answers[before] == await read_trend({"data": {"data": []}}, before)
        assert pangan.count_calls() == {REPORT: 3}

    async def test_no_keys_make_no_call(self, pangan: RunningAgency, connector: FoodPrices) -> None:
        assert await connector.market_lists([], call()) == {}
        assert await connector.markets([], call()) == {}
        assert await connector.commodity_lists([], call()) == {}
        assert await connector.commodities([], call()) == {}
        assert await connector.prices_of([], call()) == {}
        assert await connector.trends([], call()) == {}
        assert await connector.prices_of(["0"], call()) == {}
        assert pangan.count_calls() == {}


class TestPace:
    async def test_a_burst_is_sent_immediately(self) -> None:
        async with serve_bytes(reply(404)) as server, connect(server.url, rate=0.01, burst=3) as connector:
            assert await connector.prices_of(["1", "2", "3"], call()) == {}
        assert len(server.asked) == 3

    async def test_calls_after_the_burst_follow_the_services_rate(self) -> None:
        async with serve_bytes(reply(404)) as server, connect(server.url, rate=20, burst=3) as connector:
            began = monotonic()
            await connector.prices_of(["1", "2", "3", "4", "5", "6", "7"], call())
            took = monotonic() - began

        assert took >= 0.19
        assert len(server.asked) == 7

    async def test_a_key_whose_turn_comes_too_late_times_out_alone_without_a_call(self) -> None:
        empty = reply(200, b'{"data":{"data":[]}}')
        async with serve_bytes(empty) as server, connect(server.url, rate=0.1, burst=2) as connector:
            began = monotonic()
            answers = await connector.prices_of(["1", "2", "3", "4", "5", "6", "7"], call(0.3))
            took = monotonic() - began

        assert [answers["1"], answers["2"]] == [(), ()]
        assert {type(answers[id_]) for id_ in ("3", "4", "5", "6", "7")} == {AgencyTimeout}
        assert len(server.asked) == 2
        assert 0.25 < took < 3

    async def test_the_turn_of_a_cancelled_call_goes_to_the_next(self) -> None:
        async with serve_bytes(reply(404)) as server, connect(server.url, rate=10, burst=1) as connector:
            await connector.prices_of(["1"], call())
            leaving = asyncio.ensure_future(connector.prices_of(["2"], call()))
            await asyncio.sleep(0)
            leaving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await leaving
            await connector.prices_of(["3"], call(2))

        assert [asked.target.rpartition("/")[2] for asked in server.asked] == ["1", "3"]

    async def test_all_calls_share_one_rate(self) -> None:
        async with serve_bytes(reply(404)) as server, connect(server.url, rate=0.1, burst=1) as connector:
            await connector.prices_of(["1"], call())
            with pytest.raises(AgencyTimeout) as caught:
                await connector.market_lists([MarketQuery()], call(0.1))
            with pytest.raises(AgencyTimeout):
                await connector.commodities(["1"], call(0.1))
            assert isinstance((await connector.trends([CHILLI], call(0.1)))[CHILLI], AgencyTimeout)

        assert caught.value.detail == "no turn before the deadline: too many calls for its rate"
        assert len(server.asked) == 1

    async def test_the_paced_connector_is_never_throttled_by_the_real_service(self, pangan: RunningAgency) -> None:
        with temporary_setting(pangan, "/rate", {"per_second": 20}, back={"per_second": 0}):
            async with connect(base_of(pangan), pangan.secret, rate=18, burst=4) as connector:
                pangan.reset_calls()
                answers = await connector.prices_of([str(number) for number in range(1, 13)], call())

        assert len(answers) == 12
        assert not [each for each in answers.values() if isinstance(each, AgencyFailure)]
        assert pangan.count_calls() == {NEWEST: 12}

    async def test_a_throttled_call_is_refused_with_the_time_to_wait_for_its_key_alone(
        self, pangan: RunningAgency
    ) -> None:
        with temporary_setting(pangan, "/rate", {"per_second": 0.1}, back={"per_second": 0}):
            async with connect(base_of(pangan), pangan.secret) as connector:
                answers = await connector.prices_of([str(number) for number in range(1, 8)], call())

        refused = [each for each in answers.values() if isinstance(each, AgencyRefused)]
        assert len(refused) == 2
        assert [each.retry_after for each in refused] == [10, 10]


class TestPriceFailures:
    @pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'{"data":5}', b'{"status":200,"message":"success"}'])
    async def test_json_of_another_shape_is_malformed(self, body: bytes) -> None:
        async with serve_bytes(reply(200, body)) as server, connect(server.url) as connector:
            with pytest.raises(AgencyMalformed):
                await connector.market_lists([MarketQuery()], call())
            assert isinstance((await connector.prices_of(["3"], call()))["3"], AgencyMalformed)
            assert isinstance((await connector.trends([CHILLI], call()))[CHILLI], AgencyMalformed)

    async def test_a_client_error_is_a_refusal(self, connector: FoodPrices) -> None:
        never = TrendQuery(commodity_id="10", year=2026, month=13)
        answer = (await connector.trends([never], call()))[never]
        assert isinstance(answer, AgencyRefused)
        assert answer.detail == "HTTP 400"

    async def test_a_wrong_endpoint_is_not_an_empty_list(self, pangan: RunningAgency) -> None:
        async with connect(f"{base_of(pangan)}/lama", pangan.secret) as connector:
            with pytest.raises(AgencyRefused) as caught:
                await connector.market_lists([MarketQuery()], call())
        assert caught.value.detail == "HTTP 404"


def assert_reveals_nothing(failure: AgencyFailure, pangan: RunningAgency) -> None:
    """Neither callers nor the log get an address or a key."""
    told = f"{failure} {failure!r} {failure.detail} {vars(failure)}"
    for hidden in (pangan.secret, "127.0.0.1", str(pangan.port)):
        assert hidden not in told
