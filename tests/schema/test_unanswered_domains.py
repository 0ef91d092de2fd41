"""A domain that no agency of the city answers leaves the graph."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from importlib import import_module
from typing import Any

import pytest
from graphql import GraphQLSchema, get_named_type, is_object_type, print_ast, validate
from graphql import parse as parse_document

from engine.agencies.agency_codes import AgencyCodes
from engine.batch import Batch
from records.calls.failures import AgencyNotOffered
from records.purposes import Purpose, Scope
from resolvers.complaints import Complaints
from resolvers.domains import find_domains
from resolvers.msmes import Msmes
from resolvers.population import Population
from resolvers.prices import Prices
from resolvers.tax import Tax
from schema.builder import build_schema, get_graphql_schema
from schema.tools.consent_preview import grants_anything
from schema.tools.document_fields import fit_document, list_coordinates
from schema.tools.export_parts import build_export_parts
from schema.tools.holdings import list_holdings
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import AYU
from tests.schema.requests import IDS, get_codes, run
from web.pages.my_data.overview_page import MY_DATA_QUERY

EVERY: Mapping[type[Any], list[str]] = {
    Population: ["register"],
    Msmes: ["shops"],
    Tax: ["pajak"],
    Complaints: ["reports"],
    Prices: ["food"],
}


def build_without(*domains: type[Any]) -> GraphQLSchema:
    codes = AgencyCodes({domain: code for domain, code in EVERY.items() if domain not in domains})
    return get_graphql_schema(build_schema(codes))


def list_lost(*domains: type[Any]) -> list[str]:
    """The fields that are missing in types that the graph still has."""
    return list_lost_in(build_without(*domains))


def list_lost_in(schema: GraphQLSchema) -> list[str]:
    whole = build_without()
    missing = list_coordinates(whole) - list_coordinates(schema)
    return sorted(each for each in missing if each.partition(".")[0] in schema.type_map)


@pytest.mark.parametrize(
    ("domain", "lost", "types"),
    [
        (
            Prices,
            ["Query.commodities", "Query.markets", "Region.markets"],
            {"Market", "Commodity", "Price", "Trend", "TrendPoint"},
        ),
        (
            Msmes,
            ["Citizen.msmes", "Consenting.msmes", "Query.productCatalogue", "Region.productCatalogue"],
            {"Msme", "Product", "ProgrammeStage", "CatalogueProduct"},
        ),
        (Tax, ["Citizen.taxObjects", "Consenting.taxObjects"], {"TaxObject", "TaxBill", "TaxPayment", "BillStatus"}),
        (
            Complaints,
            [
                *("Citizen.complaints", "Mutation.commentComplaint", "Mutation.publishComplaint"),
                *("Mutation.rateResolution", "Mutation.submitComplaint", "Mutation.supportComplaint"),
                *(
                    "Mutation.withdrawComplaint",
                    "Query.complaintCategories",
                    "Query.complaintMeasures",
                    "Query.complaints",
                ),
                "Query.overdueComplaints",
                "Query.searchComplaints",
            ],
            {"Complaint", "ComplaintConnection", "ComplaintFilter", "ComplaintCategory"},
        ),
        (
            Population,
            [
                *("Citizen.birthDate", "Citizen.birthPlace", "Citizen.children", "Citizen.civilStatus"),
                *("Citizen.household", "Citizen.name", "Citizen.parentage", "Citizen.residence", "Citizen.sex"),
                "Consenting.verify",
            ],
            {"Household", "HouseholdMember", "Residence", "CivilStatus", "Parentage", "Verification"},
        ),
    ],
    ids=lambda each: each.__name__ if isinstance(each, type) else "",
)
def test_its_fields_leave_with_the_types_that_only_they_lead_to(
    domain: type[Any], lost: list[str], types: set[str]
) -> None:
    assert list_lost(domain) == lost
    schema = build_without(domain)
    assert types.isdisjoint(schema.type_map)
    assert all(
        get_named_type(field.type) is schema.type_map[get_named_type(field.type).name]
        for type_ in schema.type_map.values()
        if is_object_type(type_)
        for field in type_.fields.values()
    )


@pytest.mark.parametrize(
    ("lacks", "lost", "types"),
    [
        ({"food": ["trends"]}, ["Commodity.trend"], ["Trend", "TrendPoint"]),
        ({"food": ["market_lists", "commodity_lists"]}, ["Query.commodities", "Query.markets", "Region.markets"], []),
        ({"shops": ["products_of"]}, ["Msme.products"], ["Product"]),
        ({"register": ["households"]}, ["Citizen.children", "Citizen.household"], ["Household", "HouseholdMember"]),
        ({"food": ["markets"]}, [], []),
        ({"food": ["market_lists", "markets"]}, ["Query.markets", "Region.markets"], ["Market", "Price"]),
    ],
    ids=lambda each: "" if isinstance(each, set) else str(each),  # sets have another order in each process
)
def test_the_fields_of_a_read_that_the_agency_lacks_leave_the_graph(
    lacks: Mapping[str, list[str]], lost: list[str], types: list[str]
) -> None:
    schema = get_graphql_schema(build_schema(AgencyCodes(EVERY, lacks)))
    assert list_lost_in(schema) == lost
    assert not set(types) & schema.type_map.keys()


async def test_a_record_without_a_read_by_its_id_keeps_the_id_and_node_says_so() -> None:
    city = CityWithoutMarkets()
    market = "query Node($id: ID!) { node(id: $id) { id } }"
    found = await run(market, {"id": IDS.seal("Market", "3")}, city=city)
    assert (found.data, get_codes(found)) == ({"node": None}, [("node", "AGENCY_NOT_OFFERED")])


def test_a_field_stays_while_one_of_several_agencies_has_its_read() -> None:
    def has_trends(*lacking: str) -> bool:
        codes = AgencyCodes({**EVERY, Prices: ["east", "west"]}, {code: ["trends"] for code in lacking})
        return "Trend" in get_graphql_schema(build_schema(codes)).type_map

    assert (has_trends("east"), has_trends("west"), has_trends("east", "west")) == (True, True, False)


def test_each_batch_names_a_read_of_its_domain() -> None:
    modules = [vars(import_module(protocol.__module__)) for protocol in find_domains().values()]
    batches = [each for module in modules for each in module.values() if isinstance(each, Batch)]
    of_agencies = [each for each in batches if each.domain in find_domains().values()]
    assert len(of_agencies) > 20
    assert [each for each in of_agencies if not hasattr(each.domain, each.domain_read)] == []


def test_a_node_can_be_refetched_if_an_agency_answers_its_domain() -> None:
    def nodes(schema: GraphQLSchema) -> set[str]:
        return {each.name for each in schema.get_possible_types(schema.type_map["Node"])}  # type: ignore[arg-type]  # an interface

    assert nodes(build_without()) == {
        "Case",
        "Citizen",
        "CityService",
        "TaxObject",
        "Msme",
        "Complaint",
        "Market",
        "Commodity",
        "Region",
    }
    assert nodes(build_without(Prices, Tax, Population)) == {
        "Case",
        "Citizen",
        "CityService",
        "Msme",
        "Complaint",
        "Region",
    }
    assert nodes(build_without(*EVERY)) == {"Case", "Citizen", "CityService", "Region"}


def test_holdings_exports_and_the_hubs_own_page_follow_the_graph() -> None:
    schema = build_without(Tax, Prices)
    assert {each.agency for each in list_holdings(schema)} == {"register", "shops", "reports"}
    assert [each.name for each in build_export_parts(schema)] == [
        *("identity", "residence", "civilStatus", "parentage", "household", "msmes", "complaints"),
        *("accessLog", "consents", "receipts", "dataRequests", "restrictions", "cases"),
    ]
    page = fit_document(schema, MY_DATA_QUERY)
    assert ("taxObjects" in page, "msmes" in page, validate(schema, parse_document(page))) == (False, True, [])
    whole = get_graphql_schema(build_schema())
    assert fit_document(whole, MY_DATA_QUERY).split() == print_ast(parse_document(MY_DATA_QUERY)).split()


def test_a_scope_of_a_domain_without_an_agency_opens_nothing_to_a_partner() -> None:
    without, whole = list_coordinates(build_without(Tax)), list_coordinates(build_without())
    assert grants_anything(Scope.TAX, Purpose.CREDIT_ASSESSMENT, whole)
    assert not grants_anything(Scope.TAX, Purpose.CREDIT_ASSESSMENT, without)
    assert grants_anything(Scope.MSMES, Purpose.CREDIT_ASSESSMENT, without)


class CityWithoutRegister(SmallCity):
    """The small city without its population register."""

    def agencies(self, own: Mapping[type[Any], Any] = {}) -> Any:  # noqa: ANN401 - as its base class; never changed
        agencies = super().agencies(own)
        agencies.codes = AgencyCodes({domain: code for domain, code in EVERY.items() if domain is not Population})
        return agencies


class CityWithoutMarkets(SmallCity):
    """The small city whose price service gives no market by its identifier."""

    async def markets(self, *_: object) -> Any:  # noqa: ANN401 - as its base class
        raise AgencyNotOffered("food")


class CityWithoutCards(SmallCity):
    """The small city whose register has no family cards."""

    def agencies(self, own: Mapping[type[Any], Any] = {}) -> Any:  # noqa: ANN401 - as its base class; never changed
        agencies = super().agencies(own)
        agencies.codes = AgencyCodes(EVERY, {"register": ["households"]})
        return agencies


QUERY = "query Of($nik: NIK!) { citizen(nik: $nik) { nik taxObjects { nop } } }"


async def test_without_a_register_every_number_counts_as_known() -> None:
    city = CityWithoutRegister()
    found = await run('{ citizen(nik: "3171014506900042") { nik } }', city=city)
    assert (found.data, found.errors, city.calls) == ({"citizen": {"nik": "3171014506900042"}}, [], [])


async def test_a_register_without_family_cards_makes_no_caller_a_guardian() -> None:
    city = CityWithoutCards(ayu_born=date(2015, 7, 1))
    found = await run(QUERY, {"nik": AYU}, caller="the person", city=city)
    assert {each["extensions"]["code"] for each in found.errors} == {"FORBIDDEN"}
    assert "households" not in {read for _, read, _ in city.calls}


async def test_without_a_register_no_caller_is_a_guardian_and_no_agency_is_called() -> None:
    child = {"nik": AYU}
    guarded = SmallCity(ayu_born=date(2015, 7, 1))
    assert (await run(QUERY, child, caller="the person", city=guarded)).errors == []
    assert "dukcapil" in guarded.list_called_agencies()
    city = CityWithoutRegister(ayu_born=date(2015, 7, 1))
    found = await run(QUERY, child, caller="the person", city=city)
    assert {each["extensions"]["code"] for each in found.errors} == {"FORBIDDEN"}
    assert city.calls == []
