"""All agencies of the city together: one citizen over all sources, and any of them down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from auth.caller import Caller, CallerKind
from auth.tokens.development_issuer import DevelopmentIssuer
from records.purposes import Purpose
from sandbox.population.city_population import build_population
from tests.journeys.hub import HubClient, RunningCity, build_settings, running_hub
from tests.sandbox_agencies import ROOT

MORE: Final = ("bpjs", "disdik", "oss", "pembayaran")
"""Agencies that are asked for people, besides those of the other journeys."""
ME: Final = """
query MyCity {
  me {
    name
    household { members { name relationship } }
    taxObjects { nop bills(unpaid: true) { year amount dueOn } }
    complaints { number status dueAt }
    immunizations { givenOn }
    students { nisn kjp { round status } }
    businesses { nib licences { status } }
    msmes { name stage }
    coverage { status }
    payments { amount status }
  }
}
"""
EXAMPLES: Final = ROOT / "docs" / "frontend" / "examples" / "sandbox"
"""The tabs of GraphiQL in the sandbox."""
TAXPAYERS: Final = """
query Taxpayers($niks: [NIK!]!) { citizens(niks: $niks) { name taxObjects { nop } } }
"""
DISTRICT: Final = """
query District($region: RegionCode!) {
  complaints(first: 5, filter: { regions: [$region] }) { nodes { number status dueAt } }
  overdueComplaints(first: 5, region: $region) { totalCount nodes { number clocks { stage breachedBy } } }
  floodGates(first: 3) { nodes { name alert } }
  nearby(region: $region, kinds: [HEALTH_FACILITY, WIFI_POINT, SCHOOL], first: 5) { nodes { kind name address } }
}
"""
FIELDS_OF: Final[Mapping[str, set[str]]] = {
    "dukcapil": {"me.name", "me.household"},
    "pbb": {"me.taxObjects"},
    "crm": {"me.complaints"},
    "satusehat": {"me.immunizations"},
    "disdik": {"me.students"},
    "oss": {"me.businesses"},
    "jakpreneur": {"me.msmes"},
    "bpjs": {"me.coverage"},
    "pembayaran": {"me.payments"},
}


@asynccontextmanager
async def new_hub(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, folder: Path
) -> AsyncIterator[HubClient]:
    """A hub that has asked nothing yet: no answer is cached, and no breaker has counted a failure."""
    settings = build_settings(city, state_url=state_url, issuer=issuer, folder=folder)
    async with running_hub(settings, issuer) as hub:
        yield hub


async def test_one_citizen_over_all_sources_costs_the_calls_of_the_plan(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, tmp_path: Path
) -> None:
    async with new_hub(city, state_url, issuer, tmp_path) as hub:
        city.reset_calls()
        answer = await hub.post({"query": ME, "extensions": {"explain": True}}, caller="siti")
        calls = {name: count for name, count in city.calls().items() if name != "transjakarta"}
    assert answer.errors == []
    me = answer.data["me"]
    assert (me["name"], len(me["household"]["members"]), len(me["taxObjects"])) == ("Siti Rahmawati", 4, 2)
    assert [name for name, value in me.items() if not value] == ["students"]  # she is no pupil; her children are
    planned = {name: each["expected"] for name, each in answer.body["extensions"]["explain"]["cost"]["calls"].items()}
    planned["disdik"] -= 1  # without pupils, no account of theirs is asked for
    if not city.counts_msmes:
        planned.pop("jakpreneur")
    assert calls == planned


def choose_subsets() -> list[tuple[str, ...]]:
    """Each agency alone, all of them, and others by chance."""
    names, chance = sorted(FIELDS_OF), Random(20261130)  # noqa: S311 - the same in each run
    some = [tuple(sorted(chance.sample(names, chance.randint(2, len(names) - 1)))) for _ in range(6)]
    return [*((each,) for each in MORE), *some, tuple(names)]


@pytest.mark.parametrize("down", choose_subsets(), ids=" ".join)
async def test_any_agencies_that_are_down_cost_exactly_their_fields(
    down: tuple[str, ...],
    city: RunningCity,
    state_url: str,
    issuer: DevelopmentIssuer,
    tmp_path: Path,
) -> None:
    async with new_hub(city, state_url, issuer, tmp_path) as hub:
        with ExitStack() as stack:
            for each in down:
                if each != "jakpreneur" or city.counts_msmes:  # a file of SQLite has no modes
                    stack.enter_context(city.agencies[each].in_mode("error"))
            answer = await hub.ask(ME, caller="siti")
    failing = [each for each in down if each != "jakpreneur" or city.counts_msmes]
    lost = {path: each for each in failing for path in FIELDS_OF[each]}
    errors: list[Any] = answer.body.get("errors", [])
    found = {".".join(map(str, each["path"])): each["extensions"] for each in errors}
    assert {path: each["agency"] for path, each in found.items()} == lost
    assert {each["code"] for each in found.values()} <= {"AGENCY_UNAVAILABLE"}
    kept = set().union(*FIELDS_OF.values()) - lost.keys()
    assert [path for path in sorted(kept) if answer.data["me"][path.removeprefix("me.")] is None] == []


def read_example(name: str) -> dict[str, Any]:
    """The body of a request with an example of GraphiQL."""
    variables = EXAMPLES / f"{name}.variables.json"
    return {
        "query": (EXAMPLES / f"{name}.graphql").read_text(),
        "variables": json.loads(variables.read_text()) if variables.exists() else {},
    }


@pytest.fixture(scope="module")
async def whole_hub(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[HubClient]:
    """One hub for all questions worth a demonstration."""
    async with new_hub(city, state_url, issuer, tmp_path_factory.mktemp("demo")) as hub:
        yield hub


async def test_the_tab_of_a_whole_life_shows_the_children_too(whole_hub: HubClient) -> None:
    answer = await whole_hub.post(read_example("5_my_whole_city"), caller="siti")
    assert answer.errors == []
    me = answer.data["me"]
    children = me["children"]
    assert len(children) == 2
    assert any(pupil["kjp"] for child in children for pupil in child["students"])
    assert any(child["immunizations"] for child in children)
    assert me["assistance"] is not None


async def test_the_tab_of_food_and_bus_joins_allowance_prices_and_departures(whole_hub: HubClient) -> None:
    async with asyncio.timeout(60):  # until the feed is loaded
        while (answer := await whole_hub.post(read_example("6_food_and_bus"), caller="siti")).errors:
            assert {path for path, _ in answer.errors} == {"nearby"}
            await asyncio.sleep(0.2)
    markets = answer.data["me"]["residence"]["region"]["markets"]
    assert len(markets) == 2
    assert all(each["prices"] for each in markets)
    stops = answer.data["nearby"]["nodes"]
    assert stops != []
    assert [each["distanceMetres"] for each in stops] == sorted(each["distanceMetres"] for each in stops)


async def test_the_markets_of_the_own_district_cost_one_call_for_each(whole_hub: HubClient, city: RunningCity) -> None:
    city.reset_calls()
    body = read_example("7_markets_of_my_district") | {"extensions": {"explain": True}}
    answer = await whole_hub.post(body, caller="siti")
    assert answer.errors == []
    parent = answer.data["me"]["residence"]["region"]["parent"]
    assert (parent["name"], len(parent["markets"])) == ("Gambir", 5)
    expected = answer.body["extensions"]["explain"]["cost"]["calls"]["pangan"]
    assert (expected["expected"], expected["limit"] > 6) == (6, True)  # the list, and the prices of five markets
    assert city.calls().get("pangan", 0) <= 6


async def test_200_taxpayers_cost_one_statement_of_the_register_and_one_call_of_the_tax_office_for_each(
    whole_hub: HubClient, city: RunningCity
) -> None:
    niks = [each.nik for each in build_population().residents if 20 <= each.age <= 90][:200]
    city.reset_calls()
    answer = await whole_hub.ask(TAXPAYERS, {"niks": niks}, caller="hendra")
    assert answer.errors == []
    assert [each["taxObjects"] is not None for each in answer.data["citizens"]] == [True] * 200
    calls = city.calls()
    assert (calls["dukcapil"], calls["pbb"]) == (2, 200)


async def test_an_officer_of_a_kelurahan_sees_its_matters_and_no_reporter(
    whole_hub: HubClient, city: RunningCity
) -> None:
    officer = Caller(
        kind=CallerKind.OFFICIAL, agency="crm", purpose=Purpose.COMPLAINT_HANDLING.name, case="CRM/2026/9", unit="Lurah"
    )
    city.reset_calls()
    answer = await whole_hub.ask(DISTRICT, {"region": "31.71.01"}, caller=officer)
    assert answer.errors == []
    assert answer.data["overdueComplaints"]["totalCount"] >= 0
    assert answer.data["floodGates"]["nodes"] != []
    assert {each["kind"] for each in answer.data["nearby"]["nodes"]} <= {"HEALTH_FACILITY", "WIFI_POINT", "SCHOOL"}
    assert "reporter" not in str(answer.data).lower()
    assert city.calls().keys() <= {"crm", "transjakarta"}
