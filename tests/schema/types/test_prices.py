"""The markets of a region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from records.calls.answers import Answers
from records.calls.call import Call
from records.identifiers import RegionCode
from records.prices import Market, MarketQuery
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import MARKET
from tests.schema.requests import run, run_for_data


class CityOfMarkets(SmallCity):
    """Two markets in one city, one in another, and one in a place that the service does not name."""

    async def market_lists(self, queries: Sequence[MarketQuery], _call: Call) -> Answers[MarketQuery, Sequence[Market]]:
        centre, south = RegionCode("31.71"), RegionCode("31.74")
        places = {"1": centre, "2": south, "3": centre, "4": None}
        found = tuple(replace(MARKET, id=id_, name=f"Pasar {id_}", region_code=code) for id_, code in places.items())
        return self._answers("food", "market_lists", queries, dict.fromkeys(queries, found))


async def list_names(city: SmallCity, code: str, arguments: str = "") -> list[str]:
    query = f'{{ region(code: "{code}") {{ markets{arguments} {{ name }} }} }}'
    found: Any = await run_for_data(query, caller="anonymous", city=city)
    return [each["name"] for each in found["region"]["markets"]]


async def test_a_city_has_its_markets() -> None:
    assert await list_names(CityOfMarkets(), "31.71") == ["Pasar 1", "Pasar 3"]
    assert await list_names(CityOfMarkets(), "31.71", "(first: 1)") == ["Pasar 1"]


async def test_all_regions_of_an_operation_ask_once_for_the_markets() -> None:
    city = CityOfMarkets()
    query = '{ a: region(code: "31.71") { markets { name } } b: region(code: "31.74") { markets { name } } }'
    await run_for_data(query, caller="anonymous", city=city)
    assert [question for _, question, _ in city.calls if question == "market_lists"] == ["market_lists"]


async def test_a_price_service_that_is_down_fails_the_markets_only() -> None:
    response = await run(
        '{ region(code: "31.71") { name markets { name } } }',
        caller="anonymous",
        city=CityOfMarkets(failing_agencies={"food"}),
    )
    assert [(each["path"], each["extensions"]["code"]) for each in response.errors] == [
        (["region", "markets"], "AGENCY_UNAVAILABLE")
    ]
