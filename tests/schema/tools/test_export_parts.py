"""An export is derived from the schema: it holds all that a person may read about themself, and no other person."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Annotated

import pytest
import strawberry
from graphql import (
    FieldNode,
    GraphQLObjectType,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    parse,
    validate,
    visit,
)
from strawberry.schema.config import StrawberryConfig

from auth.policy.rules import Rule
from engine.batch import batch
from records.calls.answers import Answers
from records.description import DECIDES_ACCESS, Doc
from records.identifiers import Nik
from records.population import Citizen
from records.record import record
from resolvers.batch_context import HubBatchContext
from schema.builder import get_graphql_schema
from schema.declarations.fields import edge, root
from schema.declarations.publishing import publishes
from schema.declarations.scalars import build_scalar_map
from schema.tools.export_parts import ExportPart, Unexportable, build_export_parts
from tests.fakes.small_records import SITI
from tests.schema.declared_access import load_declared_access
from tests.schema.requests import build_engine, run_for_data

ELSEWHERE = {
    "Citizen.export",
    "Citizen.consentRequest",
    "Case.subject",
    "Citizen.services",
    "HouseholdMember.citizen",
    "Citizen.children",
}
TYPES_ELSEWHERE = {"Export", "ConsentRequest", "ConsentField", "ConsentAnswer", "OwnService"}
"""Readable fields that an export omits: the export itself, other people, consent requests, and services."""


@cache
def parts() -> Sequence[ExportPart]:
    return build_export_parts(build_engine().schema)


def coordinates(document: str) -> set[str]:
    """Every field that a document selects."""
    info, found = TypeInfo(build_engine().schema), set[str]()

    class Fields(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            parent = info.get_parent_type()
            assert parent is not None
            found.add(f"{parent.name}.{node.name.value}")

    visit(parse(document), TypeInfoVisitor(info, Fields()))
    return found


def of_people() -> set[str]:
    """Every field with the rule SELF, in types about people."""
    return {
        name
        for name, said in load_declared_access().items()
        if "SELF" in said.rules and name.partition(".")[0] not in {"Query", "Mutation"}
    }


def test_every_field_that_a_person_may_read_is_in_a_part() -> None:
    selected = set[str]().union(*(coordinates(part.document) for part in parts()))
    left_out = of_people() - selected
    assert {name for name in left_out if name.partition(".")[0] not in TYPES_ELSEWHERE} == ELSEWHERE
    assert {name.partition(".")[0] for name in left_out} >= TYPES_ELSEWHERE
    assert len(of_people()) > 90


def test_each_part_is_an_operation_about_me() -> None:
    assert [part.name for part in parts()] == [
        "identity",
        "residence",
        "civilStatus",
        "parentage",
        "household",
        "taxObjects",
        "msmes",
        "complaints",
        "accessLog",
        "consents",
        "receipts",
        "dataRequests",
        "restrictions",
        "businesses",
        "cases",
        "coverage",
        "students",
        "immunizations",
        "vaccinationAppointments",
        "payments",
        "assistance",
    ]
    for part in parts():
        assert validate(build_engine().schema, parse(part.document)) == []
        roots = {name for name in coordinates(part.document) if name.startswith("Query.")}
        assert roots == {"Query.me"}
        assert part.description


def test_only_connections_are_read_in_pages() -> None:
    assert [part.name for part in parts() if part.is_paged] == ["accessLog", "consents", "dataRequests", "cases"]
    for part in parts():
        assert ("$after: String" in part.document) is part.is_paged


def test_other_people_and_edges_of_public_types_are_not_followed() -> None:
    selected = set[str]().union(*(coordinates(part.document) for part in parts()))
    assert {"Region.name", "SystemCode.code", "ComplaintCategory.name"} <= selected
    assert not {"Region.parent", "Region.children", "HouseholdMember.citizen"} & selected


async def test_a_person_finds_the_address_of_their_export() -> None:
    found = await run_for_data("{ me { export { url parts } } }", caller="the person")
    assert found == {"me": {"export": {"url": "/me/export", "parts": ["identity"]}}}


@record
class Thing:
    """A thing of theirs."""

    owner: Annotated[Nik, Doc("Whose it is."), DECIDES_ACCESS]
    name: Annotated[str, Doc("Its name.")]


@publishes(Thing, rule=Rule.SELF, subject="owner", shows=("name",))
class ThingType:
    """A thing in the graph."""


@batch(domain=None)
async def things(keys: Sequence[object], context: HubBatchContext) -> Answers[object, Thing]:
    """Their things."""
    raise NotImplementedError((keys, context))


def with_field(field: object, annotation: object) -> GraphQLSchema:
    """The schema of another city, whose citizens have one more field."""

    class Declared:
        """A citizen in the graph."""

    Declared.__annotations__ = {"more": annotation}
    Declared.more = field  # type: ignore[attr-defined]  # a class body in the making
    published = publishes(Citizen, rule=Rule.SELF, subject="nik", shows=("nik",))(Declared)

    class Query:
        """Where it starts."""

    Query.me = root(things, returns=published | None, rule=Rule.SELF)(lambda: SITI)  # type: ignore[attr-defined]  # the same
    config = StrawberryConfig(scalar_map=build_scalar_map())
    return get_graphql_schema(strawberry.Schema(query=strawberry.type(Query), config=config))


def test_a_new_edge_becomes_a_separate_part() -> None:
    schema = with_field(edge(things, key="nik", description="Things."), ThingType | None)
    assert [(part.name, part.document) for part in build_export_parts(schema)] == [
        ("identity", "query ExportIdentity { me { nik } }"),
        ("more", "query ExportMore { me { more { name } } }"),
    ]


def test_a_field_that_cannot_be_exported_stops_the_start() -> None:
    def by_year(record: Citizen, year: int) -> object:
        return record.nik, year

    schema = with_field(edge(things, key=by_year, description="Things of a year."), ThingType | None)
    assert isinstance(schema.type_map["Citizen"], GraphQLObjectType)
    with pytest.raises(Unexportable, match=r"Citizen\.more needs the argument 'year'"):
        build_export_parts(schema)
