"""Fields that one module of the graph adds to the types of others."""

from __future__ import annotations

from types import ModuleType

import pytest
from graphql import GraphQLObjectType

from auth.policy.rules import Rule
from engine.agencies.agency_codes import AgencyCodes
from records.prices import MarketQuery
from resolvers.domains import find_domains
from resolvers.prices import market_lists
from resolvers.regions import regions
from schema.builder import build_schema, get_graphql_schema
from schema.declarations.additions import adds_to, adds_to_query, build_added_fields, find_root_fields
from schema.declarations.fields import EdgeField, edge, root
from schema.types.regions import RegionType
from schema.types.tax import TaxObjectType


@adds_to_query
class PlantedQueries:
    """A root field of a test."""

    @root(market_lists, returns=list[str] | None, rule=Rule.PUBLIC)
    def planted_markets() -> MarketQuery:
        """Markets."""
        return MarketQuery(search="")


@adds_to(TaxObjectType)
class PlantedEdges:
    """Edges of a test."""

    again: RegionType | None = edge(regions, key="region_code", description="Its region.")
    open_region: RegionType | None = edge(regions, key="region_code", description="Its region.", rule=Rule.PUBLIC)


def make_module(*declared: type) -> ModuleType:
    module = ModuleType(__name__)
    for each in declared:
        setattr(module, each.__name__, each)
    return module


def test_a_module_adds_root_fields_without_a_list_that_names_it() -> None:
    assert list(find_root_fields([make_module(PlantedQueries)])) == ["planted_markets"]


def test_two_root_fields_with_one_name_are_refused() -> None:
    @root(market_lists, returns=list[str] | None, rule=Rule.PUBLIC)
    def other_markets() -> MarketQuery:
        """Other markets."""
        return MarketQuery(search="")

    other = adds_to_query(type("OtherQueries", (), {"__module__": __name__, "planted_markets": other_markets}))
    with pytest.raises(TypeError, match=r"Two modules add the root field 'planted_markets'; rename one\."):
        find_root_fields([make_module(PlantedQueries), make_module(other)])


def test_an_added_edge_has_the_rule_of_its_type_unless_it_declares_another() -> None:
    [again, open_region] = build_added_fields([make_module(PlantedEdges)])[TaxObjectType]
    assert isinstance(again, EdgeField)
    assert isinstance(open_region, EdgeField)
    assert again.guard is not None
    assert (again.python_name, again.guard.subject, again.guard.is_public) == ("again", "owner", False)
    assert open_region.engine_guard().is_public


def test_a_type_with_an_own_field_of_that_name_is_not_changed() -> None:
    given = {"__annotations__": {"name": RegionType | None}, "name": edge(regions, key="code", description="A region.")}
    declared = adds_to(RegionType)(type("Again", (), {"__module__": __name__, **given}))
    with pytest.raises(TypeError, match=r"Again adds 'name' to RegionType, which has it; rename it\."):
        build_added_fields([make_module(declared)])


def test_every_domain_is_the_module_of_its_protocol() -> None:
    assert {word: protocol.__module__ for word, protocol in find_domains().items()} == {
        word: f"resolvers.{word}" for word in find_domains()
    }
    assert {"complaints", "msmes", "population", "prices", "tax"} <= find_domains().keys()
    assert "regions" not in find_domains()  # the hub itself answers it


def test_a_domain_without_an_agency_takes_its_root_fields_along() -> None:
    def list_root_fields(*words: str) -> set[str]:
        codes = AgencyCodes({find_domains()[word]: word for word in words})
        query = get_graphql_schema(build_schema(codes)).query_type
        assert isinstance(query, GraphQLObjectType)
        return set(query.fields)

    assert {"markets", "commodities"} <= list_root_fields("population", "prices")
    assert not {"markets", "commodities"} & list_root_fields("population")
