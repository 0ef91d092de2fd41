"""The descriptions alone explain the graph to a frontend developer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    specified_scalar_types,
)

from schema import builder
from schema.declarations.fields import PublishedField
from tests.schema.requests import build_engine

SNAPSHOT = Path(__file__).parents[2] / "schema" / "schema.graphql"


def described() -> Iterator[tuple[str, str | None]]:
    """Everything in the graph that can have a description, by its coordinate."""
    for name, type_ in build_engine().schema.type_map.items():
        if name.startswith("__") or name in specified_scalar_types:
            continue
        yield name, type_.description
        if isinstance(type_, GraphQLEnumType):
            yield from ((f"{name}.{value}", each.description) for value, each in type_.values.items())
        elif isinstance(type_, GraphQLInputObjectType):
            yield from ((f"{name}.{field}", each.description) for field, each in type_.fields.items())
        elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field, each in type_.fields.items():
                yield f"{name}.{field}", each.description
                yield from ((f"{name}.{field}({argument}:)", a.description) for argument, a in each.args.items())


def test_the_graphs_description_explains_visibility_and_the_entry_points() -> None:
    about = build_engine().schema.description or ""
    for told in ("errors", "FORBIDDEN", "AGENCY_", *(f"`{field}`" for field in ("me", "citizen", "citizens"))):
        assert told in about
    assert SNAPSHOT.read_text().startswith(f'"""\n{about}\n"""\nschema {{')


def test_everything_in_the_graph_is_described_in_sentences() -> None:
    every = dict(described())
    assert len(every) > 250
    assert {place: text for place, text in every.items() if not text or not re.search(r"[.`]\s*$", text)} == {}


def test_every_field_declares_who_may_read_it() -> None:
    for name, type_ in build_engine().schema.type_map.items():
        if isinstance(type_, GraphQLObjectType) and not name.startswith("__"):
            for field_name, field in type_.fields.items():
                definition = field.extensions["strawberry-definition"]
                assert isinstance(definition, PublishedField), f"{name}.{field_name}"
                access = definition.guard.access if definition.guard else definition.own_access
                assert access is not None, f"{name}.{field_name}"
                assert access.rules, f"{name}.{field_name}"


def test_types_with_personal_data_describe_who_may_read_them() -> None:
    said = dict(described())
    for name in ("Citizen", "Household", "TaxObject", "TaxBill", "TaxPayment", "Msme", "Residence", "Parentage"):
        assert "Readable by the person it is about, their guardian, their assistant" in (said[name] or "")
    for name in ("Complaint", "ComplaintEvent", "Product"):
        assert (said[name] or "").endswith("Everybody can read one that is public.")


def test_a_field_with_its_own_rule_describes_it() -> None:
    said = dict(described())
    assert "\n\nReadable by the person it is about and their assistant.\n\n" in (said["Query.me"] or "")
    assert "\n\nReadable by officials and systems of agencies.\n\n" in (said["Query.citizens"] or "")
    for name in ("CivilStatus.bloodType", "Msme.monthlyRevenue"):
        assert "a person needs assurance `substantial` or higher." in (said[name] or "")


def test_the_checked_in_schema_is_the_served_schema() -> None:
    assert SNAPSHOT.read_text().strip() == builder.print_sdl(builder.build_schema()).strip()
