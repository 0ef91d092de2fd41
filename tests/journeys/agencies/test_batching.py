"""An N+1 cannot be written: what agencies are asked does not grow with the number of citizens."""

import pytest

from auth.caller import Caller, CallerKind
from sandbox.population.city_population import build_population
from tests.journeys.hub import OFFICIAL, HubClient, RunningCity

EVERYTHING = """
query ($niks: [NIK!]!) {
  citizens(niks: $niks) {
    name
    residence { address region { name parent { name } } }
    civilStatus { religion }
    parentage { motherName }
    household { members { name citizen { name residence { region { name } } } } }
    taxObjects { nop region { name } bills { year payments { amount } } }
    msmes { name region { name } products { name } }
  }
}
"""

COMPLAINTS = """
query ($niks: [NIK!]!) {
  citizens(niks: $niks) { complaints { number category { name } region { name } events { at } } }
}
"""


@pytest.mark.parametrize("count", [1, 10, 50])
async def test_everything_about_many_citizens_costs_one_call_for_each_batch_and_step(
    count: int, hub: HubClient, city: RunningCity
) -> None:
    niks = [each.head_nik for each in build_population().households if len(each.member_niks) > 1][:count]
    city.reset_calls()

    answer = await hub.ask(EVERYTHING, {"niks": niks}, caller=OFFICIAL)

    assert answer.status == 200
    assert "errors" not in answer.body
    assert [citizen["name"] is not None for citizen in answer.data["citizens"]] == [True] * count
    assert city.agencies["dukcapil"].count_calls() == {
        # Step 1: which of them exist. Step 2: their facets, and their households. Step 3: the members' facets.
        "select biodata_wni": 4
    }
    assert city.agencies["pbb"].count_calls() == {"GetObjekByNik": count}  # the agency takes one person a call
    if city.counts_msmes:
        msmes = city.agencies["jakpreneur"].count_calls()
        assert msmes["select umkm"] == 1
        assert msmes.get("select produk", 0) <= 1


async def test_complaints_of_many_citizens_cost_one_search(hub: HubClient, city: RunningCity) -> None:
    desk = Caller(kind=CallerKind.OFFICIAL, agency="crm", purpose="COMPLAINT_HANDLING", case="JAKI/2026/1")
    niks = [each.head_nik for each in build_population().households][:50]
    city.reset_calls()

    answer = await hub.ask(COMPLAINTS, {"niks": niks}, caller=desk)

    assert "errors" not in answer.body
    crm = city.agencies["crm"].count_calls()
    assert crm.pop("POST /open311/v2/requests/search.json") == 1
    assert sum(crm.values()) <= 1  # the categories, where anybody complained at all


async def test_prices_of_several_markets_cost_one_call_a_market_and_one_for_the_list(
    hub: HubClient, city: RunningCity
) -> None:
    city.reset_calls()

    answer = await hub.ask("{ markets(first: 3) { name prices { price } } }")

    assert len(answer.data["markets"]) == 3
    assert city.agencies["pangan"].count_calls() == {
        "GET /api2/v1/master-data/market": 1,
        "GET /api2/v2/public/master-data/commodity/markets/{market_id}": 3,
    }


async def test_only_what_is_selected_is_read_from_the_register(hub: HubClient, city: RunningCity) -> None:
    city.reset_calls()

    answer = await hub.ask("{ me { taxObjects { nop } } }", caller="siti")

    assert "errors" not in answer.body
    assert city.calls() == {"pbb": 1}
