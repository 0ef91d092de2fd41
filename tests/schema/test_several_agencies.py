"""Several agencies for one domain: public data comes from all, data about a person from chosen ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from types import MappingProxyType
from typing import Any

import pytest

from auth.caller import Caller, CallerKind
from auth.crypto.node_ids import NodeIds
from engine.agencies.agency_codes import AgencyCodes
from engine.agencies.agency_routing import AgencyRouter
from engine.agencies.bindings import Agencies
from engine.engine import Engine
from engine.run_request import RunReporting
from records.calls.call import Call
from records.calls.failures import AgencyNotOffered
from records.complaint_surveys import ComplaintSurvey, SurveyedComplaints
from records.complaints import ComplaintPage, ComplaintQuery
from records.identifiers import Nik, Rupiah
from records.prices import MarketQuery
from resolvers.complaints import Complaints
from resolvers.msmes import Msmes
from resolvers.population import Population
from resolvers.prices import Prices
from resolvers.tax import Tax
from schema.builder import build_schema, get_graphql_schema
from schema.tools.operation_changes import find_lost_fields
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import (
    CATEGORY,
    COMMODITY,
    MARKET,
    NOW,
    PRICE,
    PRIVATE,
    SITI,
    complaint,
    msme,
    product,
)
from tests.schema.requests import IDS, build_engine, get_codes, run

PLACES: Mapping[str, Sequence[str]] = {"near": ("31.71",), "far": ("31.75",)}
CODES = AgencyCodes(
    {Population: ["dukcapil"], Tax: ["pbb"], **dict.fromkeys((Prices, Msmes, Complaints), ("near", "far"))}
)
FAR_COMPLAINT = "C-9"
COMPLAINT_DESK = Caller(kind=CallerKind.OFFICIAL, agency="crm", purpose="COMPLAINT_HANDLING", case="CRM/1")


class FarAgency:
    """The second agency of each domain. Its identifiers are those of the first."""

    def __init__(self, city: SmallCity) -> None:
        self._city = city

    def _answers(self, question: str, keys: Sequence[Any], known: Mapping[Any, Any]) -> Any:  # noqa: ANN401 - answers
        return self._city._answers("far", question, keys, known)

    async def market_lists(self, queries: Sequence[MarketQuery], _call: Call) -> Any:  # noqa: ANN401 - answers
        return self._answers("market_lists", queries, dict.fromkeys(queries, (replace(MARKET, name="Pasar Timur"),)))

    async def markets(self, ids: Sequence[str], _call: Call) -> Any:  # noqa: ANN401 - answers
        return self._answers("markets", ids, {"3": replace(MARKET, name="Pasar Timur")})

    async def prices_of(self, ids: Sequence[str], _call: Call) -> Any:  # noqa: ANN401 - answers
        return self._answers("prices_of", ids, {"3": (replace(PRICE, price=Rupiah(7), commodity=replace(COMMODITY)),)})

    async def msmes_of(self, niks: Sequence[Nik], _call: Call) -> Any:  # noqa: ANN401 - answers
        return self._answers("msmes_of", niks, {SITI: (replace(msme(), name="Warung Timur"),)})

    async def products_of(self, ids: Sequence[str], _call: Call) -> Any:  # noqa: ANN401 - answers
        return self._answers("products_of", ids, {"M-1": (product("Soto", public=True),)})

    async def surveys(self, queries: Sequence[ComplaintSurvey], _call: Call) -> Any:  # noqa: ANN401 - answers
        return self._answers("surveys", queries, dict.fromkeys(queries, build_survey(FAR_COMPLAINT, 2)))

    async def complaints(self, ids: Sequence[str], _call: Call) -> Any:  # noqa: ANN401 - answers
        return self._answers("complaints", ids, {FAR_COMPLAINT: complaint(FAR_COMPLAINT, public=True)})

    async def categories(self, codes: Sequence[str], _call: Call) -> Any:  # noqa: ANN401 - answers
        return self._answers("categories", codes, {"C-1": CATEGORY})

    async def pages(self, queries: Sequence[ComplaintQuery], _call: Call) -> Any:  # noqa: ANN401 - answers
        newest = replace(complaint(FAR_COMPLAINT, public=True), reported_at=NOW + timedelta(minutes=1))
        page = ComplaintPage(complaints=(newest,), has_more=False)
        return self._answers("pages", queries, dict.fromkeys(queries, page))

    async def complaints_of(self, niks: Sequence[Nik], _call: Call) -> Any:  # noqa: ANN401 - answers
        theirs = complaint(PRIVATE, public=False, reporter=SITI, category_name="Pohon")
        return self._answers("complaints_of", niks, {SITI: (theirs,)})


class CityOfTwo(SmallCity):
    """The small city with two agencies for prices, small businesses and complaints."""

    def agencies(self, own: Mapping[type[Any], Any] = MappingProxyType({})) -> Agencies:
        far = FarAgency(self)
        routers = {
            domain: AgencyRouter(domain, {"near": self, "far": far}, PLACES) for domain in (Prices, Msmes, Complaints)
        }
        plain = super().agencies(own)
        bound = {domain: plain[domain] for domain in (Population, Tax)}
        return Agencies({**plain._bound, **bound}, CODES, routers=routers)


@cache
def build_engines() -> tuple[Engine, Engine]:
    """By graphql-core alone, and by plans, over the graph of the city."""
    schema, rules = get_graphql_schema(build_schema(CODES)), build_engine().rules
    reporting = RunReporting(track_reads=True)
    return Engine(schema, rules, use_plans=False, reporting=reporting), Engine(schema, rules, reporting=reporting)


async def ask(query: str, city: SmallCity, **variables: Any) -> Any:  # noqa: ANN401 - a `GraphQLResponse`, whose data is JSON
    """The response, which has to be the same by graphql-core and by a plan, extensions included."""
    by_graphql_core, by_plan = build_engines()
    response = await run(query, variables, caller="the person", city=city, engines=(by_graphql_core, by_plan))
    planned = await run(
        query,
        variables,
        caller="the person",
        city=CityOfTwo(failing_agencies=city.failing_agencies),
        engines=(by_plan, by_plan),
    )
    assert planned.extensions == response.extensions
    return response


def list_calls(city: SmallCity) -> set[tuple[str, str]]:
    """Which agency was called for what; the first agency of each domain is called near."""
    return {("far" if agency == "far" else "near", question) for agency, question, _ in city.calls}


MARKETS = "{ markets { id name prices { price } } }"


async def test_public_lists_come_from_all_agencies_and_each_record_leads_to_its_own() -> None:
    city = CityOfTwo()
    found = await ask(MARKETS, city)
    assert (found.errors, found.extensions) == ([], {})
    assert [(each["name"], len(each["prices"])) for each in found.data["markets"]] == [
        (MARKET.name, 1),
        ("Pasar Timur", 1),
    ]
    assert [each["prices"][0]["price"] for each in found.data["markets"]] == [PRICE.price, 7]
    assert list_calls(city) == {(place, read) for place in ("near", "far") for read in ("market_lists", "prices_of")}


class FarWithoutPrices(CityOfTwo):
    """The second agency has markets, and no prices of them."""

    def agencies(self, own: Mapping[type[Any], Any] = MappingProxyType({})) -> Agencies:
        agencies = super().agencies(own)
        agencies.codes = AgencyCodes(agencies.codes._by_domain, {"far": ["prices_of"]})
        agencies.routers[Prices]._connectors["far"].prices_of = self._refuse  # type: ignore[attr-defined]  # a router
        return agencies

    @staticmethod
    async def _refuse(*_: object) -> None:
        raise AgencyNotOffered("far")


async def test_a_record_of_an_agency_that_lacks_a_read_says_so() -> None:
    city = FarWithoutPrices()
    found = await run(MARKETS, caller="the person", city=city, engines=build_engines())
    assert found.data is not None
    assert [each["prices"] and len(each["prices"]) for each in found.data["markets"]] == [1, None]
    assert get_codes(found) == [("markets.1.prices", "AGENCY_NOT_OFFERED")]
    assert ("far", "prices_of") not in list_calls(city)


async def test_an_id_names_the_agency_which_alone_is_called() -> None:
    markets = (await ask(MARKETS, CityOfTwo())).data["markets"]
    assert len({each["id"] for each in markets}) == 2
    query = "query Node($id: ID!) { node(id: $id) { id ... on Market { name } } }"
    for each, place in zip(markets, ("near", "far"), strict=True):
        city = CityOfTwo()
        found = await ask(query, city, id=each["id"])
        assert (found.errors, found.data) == ([], {"node": {"id": each["id"], "name": each["name"]}})
        assert list_calls(city) == {(place, "markets")}


async def test_an_id_without_an_agency_is_refused_where_several_answer() -> None:
    city = CityOfTwo()
    found = await ask("query Node($id: ID!) { node(id: $id) { id } }", city, id=IDS.seal("Market", "3"))
    assert (get_codes(found), city.calls) == ([("node", "BAD_USER_INPUT")], [])
    assert "Read the object again" in found.errors[0]["message"]


async def test_an_id_with_the_code_of_the_only_agency_still_leads_to_its_object() -> None:
    ids = NodeIds(b"a secret of thirty-two bytes....")
    for text in ("3", "pangan@3"):
        city = SmallCity()
        found = await run(
            "query Node($id: ID!) { node(id: $id) { ... on Market { name } } }",
            {"id": ids.seal("Market", text)},
            city=city,
        )
        assert found.data == {"node": {"name": MARKET.name}}


async def test_a_partial_public_list_names_what_is_missing() -> None:
    city = CityOfTwo(failing_agencies={"far"})
    found = await ask(MARKETS, city)
    assert [each["name"] for each in found.data["markets"]] == [MARKET.name]
    assert found.errors == []
    missing = {"path": ["markets"], "agency": "far", "code": "AGENCY_UNAVAILABLE"}
    assert found.extensions == {"incomplete": [missing]}


async def test_a_public_list_fails_if_all_agencies_fail() -> None:
    found = await ask(MARKETS, CityOfTwo(failing_agencies={"far", "pangan"}))
    assert (found.data, get_codes(found), found.extensions) == (
        {"markets": None},
        [("markets", "AGENCY_UNAVAILABLE")],
        {},
    )


async def test_pages_are_joined_newest_first_and_a_region_narrows_the_agencies() -> None:
    query = """query Page($in: [RegionCode!], $n: Int!) {
      complaints(first: $n, filter: { regions: $in }) { nodes { number } pageInfo { hasNextPage } }
    }"""
    for regions, count, first, places in (
        (None, 2, 2, {"near", "far"}),
        (None, 1, 1, {"near", "far"}),
        (["31.75.02"], 2, 1, {"far"}),
    ):
        city = CityOfTwo()
        found = (await ask(query, city, n=count, **{"in": regions})).data["complaints"]
        assert len(found["nodes"]) == first
        assert found["pageInfo"]["hasNextPage"] is (regions is None)
        assert {place for place, _ in list_calls(city)} == places


class LateCityOfTwo(CityOfTwo):
    """A complaint at each agency is overdue, the longer one at the far agency."""

    async def surveys(self, queries: Sequence[ComplaintSurvey], _call: Call) -> Any:  # noqa: ANN401 - answers
        return self._answers("crm", "surveys", queries, dict.fromkeys(queries, build_survey("C-1", 1)))


def build_survey(number: str, hours: float) -> SurveyedComplaints:
    late = complaint(number, public=True, number=number, due_at=NOW - timedelta(hours=hours))
    return SurveyedComplaints(complaints=(late,), includes_private=True, is_cut=False)


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [("", [FAR_COMPLAINT, "C-1"]), ("(first: 1)", [FAR_COMPLAINT]), ('(region: "31.71.01")', ["C-1"])],
)
async def test_officials_see_the_overdue_complaints_of_all_agencies(arguments: str, numbers: list[str]) -> None:
    city = LateCityOfTwo()
    query = f"{{ overdueComplaints{arguments} {{ totalCount isCut nodes {{ id number category {{ name }} }} }} }}"
    found = await run(query, caller=COMPLAINT_DESK, city=city, engines=build_engines())
    assert found.errors == []
    assert found.data is not None
    assert [each["number"] for each in found.data["overdueComplaints"]["nodes"]] == numbers
    assert found.data["overdueComplaints"]["totalCount"] == (1 if "region" in arguments else 2)


async def test_measures_of_several_agencies_are_joined_and_have_no_total() -> None:
    query = '{ complaintMeasures(month: "2026-10") { total { number } hiddenOffices includesPrivate } }'
    found = await run(query, caller="anonymous", city=LateCityOfTwo(), engines=build_engines())
    assert found.errors == []
    assert found.data == {"complaintMeasures": {"total": None, "hiddenOffices": 2, "includesPrivate": True}}


MSMES = """query Mine($region: RegionCode, $agencies: AgencyChoice) {
  me { msmes(region: $region, agencies: $agencies) { name products { name } } }
}"""


@pytest.mark.parametrize(
    ("chosen", "called"),
    [
        ({"region": "31.71.01"}, {"near"}),
        ({"region": "31.75"}, {"far"}),
        ({"agencies": "ALL"}, {"near", "far"}),
        ({"agencies": "AVAILABLE"}, {"near", "far"}),
    ],
)
async def test_a_person_is_disclosed_only_to_the_chosen_agencies(chosen: dict[str, str], called: set[str]) -> None:
    city = CityOfTwo()
    found = await ask(MSMES, city, **chosen)
    expected = [{"near": msme().name, "far": "Warung Timur"}[place] for place in ("near", "far") if place in called]
    assert found.errors == []
    assert [each["name"] for each in found.data["me"]["msmes"]] == expected
    assert list_calls(city) == {(place, read) for place in called for read in ("msmes_of", "products_of")}
    (read,) = (each for each in found.reads if "Msme.name" in each.fields)
    assert set(read.agencies) == called


async def test_without_a_choice_no_agency_learns_of_the_person() -> None:
    city = CityOfTwo()
    found = await ask("{ me { msmes { name } } }", city)
    assert (get_codes(found), city.calls) == ([("me.msmes", "AGENCY_CHOICE_REQUIRED")], [])


def test_a_registered_operation_that_chooses_no_agency_loses_a_field() -> None:
    schema = build_engines()[0].schema
    said = "Citizen.msmes comes from several agencies; add the argument 'region' or 'agencies'."
    assert find_lost_fields(schema, "{ me { msmes { name } } again: me { msmes { nib } } }") == [said]
    assert (
        find_lost_fields(schema, "{ me { msmes(agencies: ALL) { name } taxObjects { nop } } markets { name } }") == []
    )
    assert find_lost_fields(schema, "{ me { shops } }") == ["Cannot query field 'shops' on type 'Citizen'."]


async def test_a_list_about_a_person_is_whole_or_null_unless_the_caller_accepts_a_partial_one() -> None:
    whole = await ask(MSMES, CityOfTwo(failing_agencies={"far"}), agencies="ALL")
    assert (whole.data, get_codes(whole)) == ({"me": {"msmes": None}}, [("me.msmes", "AGENCY_UNAVAILABLE")])
    partial = await ask(MSMES, CityOfTwo(failing_agencies={"far"}), agencies="AVAILABLE")
    assert [each["name"] for each in partial.data["me"]["msmes"]] == [msme().name]
    missing = {"path": ["me", "msmes"], "agency": "far", "code": "AGENCY_UNAVAILABLE"}
    assert (partial.errors, partial.extensions) == ([], {"incomplete": [missing]})


async def test_after_a_failure_the_person_is_disclosed_to_no_further_agency() -> None:
    city = CityOfTwo(failing_agencies={"jakpreneur"})
    found = await ask(MSMES, city, agencies="ALL")
    assert (get_codes(found), list_calls(city)) == ([("me.msmes", "AGENCY_UNAVAILABLE")], {("near", "msmes_of")})


async def test_a_command_about_a_complaint_goes_to_the_agency_that_its_id_names_and_no_other_is_asked() -> None:
    support = 'mutation($id: ID!) { it: supportComplaint(id: $id, key: "1") { ... on CommandReceipt { number } } }'
    city = CityOfTwo()
    found = await ask(support, city, id=IDS.seal("Complaint", f"far@{FAR_COMPLAINT}"))
    assert found.errors == []
    [accepted] = city.accepted_commands
    assert (accepted.agency, accepted.case) == ("far", FAR_COMPLAINT)
    assert list_calls(city) == {("far", "complaints"), ("far", "complaints_of")}
    unnamed = CityOfTwo()
    found = await ask(support, unnamed, id=IDS.seal("Complaint", FAR_COMPLAINT))
    assert (get_codes(found), unnamed.calls, unnamed.accepted_commands) == ([("it", "BAD_USER_INPUT")], [], [])


CASES = """{ me { cases(filter: {kinds: [COMPLAINT]}) { totalCount
  nodes { id title subject { ... on Complaint { id } } }
} } }"""


async def test_the_inbox_holds_the_cases_of_all_agencies_with_ids_of_their_own() -> None:
    city = CityOfTwo()
    found = await ask(CASES, city)
    cases = found.data["me"]["cases"]
    assert (found.errors, cases["totalCount"]) == ([], 3)
    assert sorted(each["title"] for each in cases["nodes"]) == [
        "Pengaduan: Jalan",
        "Pengaduan: Jalan",
        "Pengaduan: Pohon",
    ]
    assert len({each["id"] for each in cases["nodes"]}) == len({each["subject"]["id"] for each in cases["nodes"]}) == 3
    assert list_calls(city) >= {("near", "complaints_of"), ("far", "complaints_of")}
    [tree] = [each for each in cases["nodes"] if each["title"] == "Pengaduan: Pohon"]
    query = "query Node($id: ID!) { node(id: $id) { ... on Case { title } } }"
    assert (await ask(query, CityOfTwo(), id=tree["id"])).data == {"node": {"title": "Pengaduan: Pohon"}}


@pytest.mark.parametrize(("failing", "count"), [("far", 2), ("crm", 1)])
async def test_the_inbox_names_the_agency_that_is_missing(failing: str, count: int) -> None:
    found = await ask(CASES, CityOfTwo(failing_agencies={failing}))
    cases = found.data["me"]["cases"]
    assert (len(cases["nodes"]), cases["totalCount"]) == (count, None)
    [missing] = found.extensions["incomplete"]
    assert (missing["path"], missing["code"]) == (["me", "cases"], "AGENCY_UNAVAILABLE")
    assert missing["agency"] == ("far" if failing == "far" else "near")
