"""Two tax offices for one city, each for its own places: by files alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path

import aiohttp
import pytest

from auth.tokens.development_issuer import DevelopmentIssuer
from sandbox.agency_variables import build_agency_variables
from settings import Settings
from settings.city.folder import load_city
from tests.fakes.city import VARIABLES, write_city
from tests.journeys.hub import HubClient, RunningCity, build_settings, build_variables, running_hub
from tests.sandbox_agencies import RunningAgency, run_agency

CENTRE, EAST = "31.71.01.1001", "31.75.02.1005"
"""Where Siti's two tax objects lie."""
QUERY = "query Mine($region: RegionCode, $agencies: AgencyChoice) {{ me {{ taxObjects{arguments} {{ {fields} }} }} }}"


def build_query(fields: str = "nop region { code }", arguments: str = "(region: $region, agencies: $agencies)") -> str:
    return QUERY.format(fields=fields, arguments=arguments)


@dataclass(frozen=True)
class TwoOffices:
    """The hub, and its two tax offices."""

    hub: HubClient
    centre: RunningAgency
    east: RunningAgency

    @property
    def called(self) -> set[str]:
        """The offices that were called since the last reset."""
        offices = {"centre": self.centre, "east": self.east}
        return {name for name, each in offices.items() if sum(each.count_calls().values())}

    async def list_regions(self, **variables: str) -> tuple[list[str] | None, list[tuple[str, str]], set[str]]:
        """The regions of Siti's tax objects, the errors, and the offices that were called."""
        for each in (self.centre, self.east):
            each.reset_calls()
        answer = await self.hub.ask(build_query(), variables, caller="siti")
        found = answer.data["me"]["taxObjects"]
        return None if found is None else [each["region"]["code"] for each in found], answer.errors, self.called


def write_city_of_two(folder: Path) -> Path:
    """The city with the tax office of the centre and that of the east."""
    city = write_city(folder, terms={})
    agencies = city / "agencies"
    office = (agencies / "pbb.toml").read_text()
    for path in agencies.glob("*.toml"):
        if path.stem not in {"dukcapil", "jakpreneur", "crm", "pangan"}:
            path.unlink()
    centre, east = 'serves = ["31.71", "31.72", "31.73"]\n', 'serves = ["31.74", "31.75"]\n'
    (agencies / "pajak-pusat.toml").write_text(centre + office)
    (agencies / "pajak-timur.toml").write_text(east + office.replace("SIMPUL_PBB_", "SIMPUL_TIMUR_"))
    return city


@pytest.fixture(scope="module")
def east(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgency]:
    with run_agency("pbb", tmp_path_factory.mktemp("east")) as agency:
        agency.hold_regions("31.74", "31.75")
        yield agency


@pytest.fixture(scope="module")
def settings(
    city: RunningCity,
    east: RunningAgency,
    state_url: str,
    issuer: DevelopmentIssuer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Settings:
    folder = tmp_path_factory.mktemp("two")
    health = {key: str(value) for key, value in east.health().items()}
    of_east = build_agency_variables("pbb", port=east.port, user=east.user, secret=east.secret, health=health)
    of_east = {name.replace("SIMPUL_PBB_", "SIMPUL_TIMUR_"): value for name, value in of_east.items()}
    loaded = load_city(write_city_of_two(folder / "city"), {**VARIABLES, **build_variables(city), **of_east})
    return build_settings(city, state_url=state_url, issuer=issuer, folder=folder, city=loaded)


@pytest.fixture
async def offices(
    city: RunningCity, east: RunningAgency, settings: Settings, issuer: DevelopmentIssuer
) -> AsyncIterator[TwoOffices]:
    centre = city.agencies["pbb"]
    centre.hold_regions("31.71", "31.72", "31.73")
    try:
        async with running_hub(settings, issuer) as hub:
            yield TwoOffices(hub, centre, east)
    finally:
        centre.hold_regions()


@pytest.mark.parametrize(
    ("region", "found", "called"),
    [
        ("31.71", [CENTRE], {"centre"}),
        (CENTRE, [CENTRE], {"centre"}),
        ("31.75.02", [EAST], {"east"}),
        ("31.73", [CENTRE], {"centre"}),
        ("31", [CENTRE, EAST], {"centre", "east"}),
    ],
)
async def test_a_region_leads_to_the_office_that_serves_it_and_the_other_is_not_called(
    offices: TwoOffices, region: str, found: list[str], called: set[str]
) -> None:
    assert await offices.list_regions(region=region) == (found, [], called)


async def test_without_a_choice_no_office_is_called(offices: TwoOffices) -> None:
    found = await offices.list_regions()
    assert found == (None, [("me.taxObjects", "AGENCY_CHOICE_REQUIRED")], set())


async def test_a_region_that_no_office_serves_is_refused(offices: TwoOffices) -> None:
    assert await offices.list_regions(region="36.71") == (None, [("me.taxObjects", "BAD_USER_INPUT")], set())


async def test_all_offices_give_one_whole_list_or_none(offices: TwoOffices) -> None:
    assert await offices.list_regions(agencies="ALL") == ([CENTRE, EAST], [], {"centre", "east"})
    with offices.east.in_mode("error"):
        found = await offices.list_regions(agencies="ALL")
    assert found == (None, [("me.taxObjects", "AGENCY_UNAVAILABLE")], {"centre", "east"})
    with offices.centre.in_mode("error"):
        found = await offices.list_regions(agencies="ALL")
    assert found == (None, [("me.taxObjects", "AGENCY_UNAVAILABLE")], {"centre"})  # the other is not asked any more


async def test_a_partial_list_names_the_office_that_is_missing(offices: TwoOffices) -> None:
    with offices.east.in_mode("error"):
        answer = await offices.hub.ask(build_query(), {"agencies": "AVAILABLE"}, caller="siti")
    assert [each["region"]["code"] for each in answer.data["me"]["taxObjects"]] == [CENTRE]
    assert answer.errors == []
    missing = {"path": ["me", "taxObjects"], "agency": "pajak-timur", "code": "AGENCY_UNAVAILABLE"}
    assert answer.body["extensions"] == {"incomplete": [missing]}


async def test_an_id_names_the_office_of_its_object(offices: TwoOffices, hub: HubClient) -> None:
    answer = await offices.hub.ask(build_query("id nop"), {"agencies": "ALL"}, caller="siti")
    query = "query Node($id: ID!) { node(id: $id) { ... on TaxObject { nop id } } }"
    for each, office in zip(answer.data["me"]["taxObjects"], ("centre", "east"), strict=True):
        offices.centre.reset_calls()
        offices.east.reset_calls()
        again = await offices.hub.ask(query, {"id": each["id"]}, caller="siti")
        assert (again.errors, again.data, offices.called) == ([], {"node": each}, {office})
    of_one_office = (await hub.ask("{ me { taxObjects { id } } }", caller="siti")).data["me"]["taxObjects"][0]
    refused = await offices.hub.ask(query, of_one_office, caller="siti")
    assert refused.errors == [("node", "BAD_USER_INPUT")]


async def test_the_ledger_names_the_offices_that_were_called(offices: TwoOffices) -> None:
    newest = "{ me { accessLog(first: 1) { nodes { sources } } } }"
    for variables, sources in (
        ({"region": "31.75"}, ["pajak-timur"]),
        ({"agencies": "ALL"}, ["pajak-pusat", "pajak-timur"]),
    ):
        await offices.hub.ask(build_query("nop"), variables, caller="siti")
        answer = await offices.hub.ask(newest, caller="siti")
        assert answer.data["me"]["accessLog"]["nodes"] == [{"sources": sources}]


async def test_the_plan_counts_the_calls_of_each_office(offices: TwoOffices) -> None:
    body = {"query": build_query("nop"), "variables": {"region": "31.75"}, "extensions": {"explain": True}}
    explained = (await offices.hub.post(body, caller="siti")).body["extensions"]["explain"]
    assert {name: each["expected"] for name, each in explained["cost"]["calls"].items()} == {
        "pajak-pusat": 1,
        "pajak-timur": 1,
    }
    (step,) = explained["steps"][0]["steps"]
    assert step["agency"] == "pajak-pusat or pajak-timur"


async def test_answers_are_cached_for_each_office(
    offices: TwoOffices, settings: Settings, issuer: DevelopmentIssuer
) -> None:
    async with running_hub(settings.model_copy(update={"cache_megabytes": 8}), issuer) as hub:
        cached = replace(offices, hub=hub)
        assert await cached.list_regions(region="31.75") == ([EAST], [], {"east"})
        assert await cached.list_regions(agencies="ALL") == ([CENTRE, EAST], [], {"centre"})
        assert await cached.list_regions(agencies="ALL") == ([CENTRE, EAST], [], set())
        with offices.east.in_mode("error"):
            assert await cached.list_regions(agencies="ALL") == ([CENTRE, EAST], [], set())


async def test_the_export_of_a_person_has_the_objects_of_all_offices(offices: TwoOffices) -> None:
    url, headers = f"{offices.hub.url}/me/export", offices.hub.headers("siti")
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        exported = await response.json(content_type=None)
    parts = {each["name"]: each["data"] for each in exported["parts"]}
    assert (response.status, exported["complete"], len(parts["taxObjects"])) == (HTTPStatus.OK, True, 2)
