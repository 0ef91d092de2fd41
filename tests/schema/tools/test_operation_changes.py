"""Which schema changes break the operations of clients."""

from __future__ import annotations

from dataclasses import replace

import pytest
from graphql import build_schema

from records.hub.operations import ClientContract, OperationField, RegisteredOperation, VariableRange
from schema.tools.operation_changes import find_breaking_changes, find_contract_violations
from schema.tools.operation_registration import examine_operation
from settings.city.folder import DEFAULT_CITY, load_city
from tests.fakes.clients import build_client
from wiring.schema_tools import build_offline_engine

BEFORE = """
type Query {
  markets(first: Int = 10, search: String, filter: Filter, level: Level): [Market!]
  market(id: ID!): Market
}
type Market { name: String! phone: String level: Level prices(of: String): [Price!]! near: [Market] }
type Price { price: Int day: String }
input Filter { name: String near: Place cities: [String!] }
input Place { latitude: Float! longitude: Float! }
enum Level { RETAIL WHOLESALE }
"""
MARKETS = """
query Markets($filter: Filter, $level: Level, $search: String) {
  markets(filter: $filter, level: $level, search: $search) { name level prices { price } near { phone } }
}
"""


@pytest.mark.parametrize(
    ("was", "is_", "told"),
    [
        # What only adds, or gives more surely, breaks nobody.
        ("", "", []),
        ("phone: String", "phone: String!", []),
        ("[Market!]", "[Market!]!", []),
        ("near: [Market]", "near: [Market!]", []),
        ("day: String", "", []),
        ("type Price {", "type Price { source: String", []),
        ("market(id: ID!): Market", "", []),
        ("enum Level { RETAIL", "enum Level { MIXED RETAIL", []),
        ("input Filter {", "input Filter { size: Int", []),
        ("input Filter {", "input Filter { size: Int! = 1", []),
        ("latitude: Float!", "latitude: Float", []),
        ("prices(of: String)", "prices(of: String, on: String)", []),
        # What goes, or is asked for otherwise.
        ("phone: String", "", ["Cannot query field 'phone' on type 'Market'."]),
        (
            "prices(of: String)",
            "prices(of: String!)",
            ["Argument 'Market.prices(of:)' of type 'String!' is required, but it was not provided."],
        ),
        ("search: String, ", "", ["Unknown argument 'search' on field 'Query.markets'."]),
        (
            "search: String, ",
            "search: Int, ",
            ["Variable '$search' of type 'String' used in position expecting type 'Int'."],
        ),
        # What is still allowed, and is something else.
        ("price: Int", "price: Float", ["Price.price was Int and is now Float."]),
        ("name: String!", "name: String", ["Market.name was String! and is now String."]),
        (
            "level: Level prices",
            "level: String prices",
            ["Market.level was Level and is now String."],
        ),
        ("): [Price!]!", "): [Price]!", ["Market.prices was [Price!]! and is now [Price]!."]),
        ("first: Int = 10", "first: Int = 20", ["Query.markets(first:) now defaults to 20; it was 10."]),
        ("first: Int = 10", "first: Int", ["Query.markets(first:) now defaults to nothing; it was 10."]),
        # What variables may no longer hold.
        ("input Filter {", "input Filter { size: Int!", ["Filter.size is now required."]),
        ("input Filter { name: String", "input Filter {", ["Filter no longer has name."]),
        ("input Filter { name: String", "input Filter { name: String!", ["Filter.name was String and is now String!."]),
        ("longitude: Float!", "longitude: Int!", ["Place.longitude was Float! and is now Int!."]),
        ("cities: [String!]", "cities: [String!]!", ["Filter.cities was [String!] and is now [String!]!."]),
        ("near: Place", "near: String", ["Filter.near was Place and is now String."]),
        ("WHOLESALE }", "}", ["Level no longer has the value WHOLESALE."]),
    ],
)
def test_each_kind_of_change_is_described_by_its_effect(was: str, is_: str, told: list[str]) -> None:
    assert was in BEFORE
    now = BEFORE.replace(was, is_, 1)
    assert list(find_breaking_changes(build_schema(BEFORE), build_schema(now), MARKETS)) == told


def test_changes_to_unselected_fields_are_ignored() -> None:
    now = BEFORE.replace("phone: String", "").replace("first: Int = 10", "first: Int = 20")
    text = "query One { markets(first: 1) { name } }"
    assert find_breaking_changes(build_schema(BEFORE), build_schema(now), text) == []


def test_an_operation_that_was_invalid_before_is_checked_only_against_the_new_graph() -> None:
    text = "query New { markets { city } }"
    now = BEFORE.replace("phone: String", "phone: String city: String")
    assert find_breaking_changes(build_schema(BEFORE), build_schema(now), text) == []


CONTRACT = ClientContract(client=build_client("kios"), scopes={"prices:read": ("Query.markets", "Market.name")})
PRICES = RegisteredOperation(
    client=build_client("kios"),
    id="1",
    name="Prices",
    text="query Prices($first: Int = 1) { markets(first: $first) { name } }",
)


def test_an_operation_is_checked_against_its_contract_limits_and_approval() -> None:
    engine = build_offline_engine(load_city(DEFAULT_CITY))
    stands = examine_operation(engine, CONTRACT, PRICES).operation
    assert find_contract_violations(engine, CONTRACT, stands) == []
    assert find_contract_violations(engine, replace(CONTRACT, scopes={}), stands) == [
        "The contract of 'development/kios' opens no scope for Market.name, Query.markets."
    ]
    dear = replace(CONTRACT, variables={"Prices": {"first": VariableRange(at_most=100_000)}})
    [too_large] = find_contract_violations(engine, dear, stands)
    assert too_large.startswith("The answer would hold about 100001 objects; at most 50000 are allowed.")

    person = replace(PRICES, name="Who", text="query Who { me { name } }", approved_by="Dukcapil")
    contract = replace(CONTRACT, scopes={"me": ("Query.me", "Citizen.name")})
    approved = replace(
        examine_operation(engine, contract, person).operation,
        reads=(
            OperationField(field="Citizen.name", data_class="public", rule="public"),
            OperationField(field="Query.me", data_class="personal", rule="self or assistant or partner"),
        ),
    )
    assert find_contract_violations(engine, contract, approved) == [
        "Citizen.name was public when it was approved and is now personal; get a new approval.",
        "Query.me is no longer readable by: partner.",
    ]
