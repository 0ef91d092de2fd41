"""What the city can do for a caller: one query, by who the caller is, with the live state of each service."""

from __future__ import annotations

from typing import Any

from auth.caller import Caller, CallerKind
from tests.journeys.hub import HubClient, RunningCity

PAGE = """
query Services($filter: CityServiceFilter, $after: String) {
  cityServices(first: 50, after: $after, filter: $filter) {
    totalCount
    nodes { id code name summary topic access owner channels audiences operation url handoverUrl state opensAt
      openingHours { weekday opens closes } accessibilityNotes }
    pageInfo { hasNextPage endCursor }
  }
}
"""
OWN = "{ me { services { because audience service { code name } } } }"


ENGLISH = {"Accept-Language": "en"}


async def list_services(hub: HubClient, caller: str | Caller | None = None, **filters: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - of the filter
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        body = {"query": PAGE, "variables": {"after": after, "filter": filters or None}}
        answer = await hub.post(body, caller=caller, headers=ENGLISH)
        assert answer.errors == []
        page = answer.data["cityServices"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            assert len(found) == page["totalCount"]
            return found
        after = page["pageInfo"]["endCursor"]


async def test_everyone_sees_what_the_city_does_for_people(hub: HubClient) -> None:
    found = {each["code"]: each for each in await list_services(hub)}
    assert len(found) > 60
    assert "agency_entities" not in found
    bills = found["property_tax_bills"]
    assert (bills["access"], bills["owner"], bills["state"]) == ("IN_GRAPH", "Property tax office (PBB)", "AVAILABLE")
    assert (bills["openingHours"], bills["opensAt"], bills["handoverUrl"]) == (None, None, None)
    assert bills["accessibilityNotes"] == ["Works with screen readers, in plain words."]
    emergency = found["emergency_112"]
    assert (emergency["access"], emergency["state"], emergency["operation"]) == ("LINK", "UNWATCHED", None)
    counters = found["population_counters"]["openingHours"]
    assert counters[0] == {"weekday": 1, "opens": "07:30", "closes": "12:00"}


async def test_an_operation_of_the_catalogue_runs_as_it_is_shown(hub: HubClient) -> None:
    [bills] = await list_services(hub, search="property tax bills")
    answer = await hub.ask(bills["operation"], caller="siti")
    assert answer.errors == []
    assert len(answer.data["me"]["taxObjects"]) == 2


async def test_an_official_and_a_partner_see_what_is_for_them(hub: HubClient) -> None:
    official = await list_services(hub, "official")
    assert "agency_entities" in {each["code"] for each in official}
    assert "my_complaints" not in {each["code"] for each in official}
    business = Caller(kind=CallerKind.BUSINESS, nib="1234567890123")
    assert "licences" in {each["code"] for each in await list_services(hub, business)}
    assert {each["code"] for each in await list_services(hub, business, audiences=["AGENCIES"])} >= {"agency_entities"}


async def test_a_citizen_sees_what_fits_them_and_why(hub: HubClient) -> None:
    siti = (await hub.post({"query": OWN}, caller="siti", headers=ENGLISH)).data["me"]["services"]
    because = {each["service"]["code"]: each["because"] for each in siti}
    assert because["school_admission"] == "Children live in your household."
    assert because["my_businesses"] == "You own a business."
    assert "older_people_card" not in because
    assert siti[0]["audience"] == "FAMILIES"
    dewi = (await hub.ask(OWN, caller="dewi")).data["me"]["services"]
    assert {each["because"] for each in dewi if each["audience"] == "OLDER_PEOPLE"} == {
        "Anda berusia 60 tahun atau lebih."
    }
    codes = {each["service"]["code"] for each in dewi}
    assert "older_people_card" in codes
    assert "school_admission" not in codes
    assert "my_businesses" not in codes


async def test_nobody_else_sees_what_fits_a_citizen(hub: HubClient, city: RunningCity) -> None:
    city.reset_calls()
    answer = await hub.ask('query { citizen(nik: "3171014506909001") { services { because } } }', caller="official")
    assert answer.errors == [("citizen.services", "FORBIDDEN")]
    assert city.agencies["jakpreneur"].count_calls() == {}
