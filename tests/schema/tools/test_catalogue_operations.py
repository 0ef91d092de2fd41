"""What marks a use of a service: the fields of its operation."""

from __future__ import annotations

import pytest
from graphql import GraphQLSchema

from engine.agencies.agency_codes import ANY_AGENCIES
from schema.builder import build_schema, get_graphql_schema
from schema.tools.catalogue_operations import find_faults, find_marks


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return get_graphql_schema(build_schema(ANY_AGENCIES))


@pytest.mark.parametrize(
    ("operation", "marks"),
    [
        ("{ me { name taxObjects { nop } } }", {"Citizen.taxObjects"}),
        ("{ me { name birthDate } }", {"Citizen.name", "Citizen.birthDate"}),
        ("{ floodGates(first: 1) { nodes { name } } }", {"Query.floodGates"}),
        ("mutation ($key: String!) { submitComplaint(key: $key) { __typename } }", {"Mutation.submitComplaint"}),
    ],
)
def test_it_is_the_root_field_or_what_is_read_of_a_person(
    schema: GraphQLSchema, operation: str, marks: set[str]
) -> None:
    assert find_marks(schema, operation) == marks


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ("{ me {", "Syntax Error: Expected Name, found <EOF>."),
        ("{ nosuch }", "Cannot query field 'nosuch' on type 'Query'."),
        ("{ me { name taxObjects { nop nosuch } } }", "Cannot query field 'nosuch' on type 'TaxObject'."),
        ("{ me { name } } { me { nik } }", "This anonymous operation must be the only defined operation."),
        ("subscription { me { name } }", "The subscription operation is not supported by the schema."),
        ("{ me { ... on Citizen { name } } }", "A service has one operation without fragments."),
    ],
)
def test_an_operation_that_the_graph_lacks_has_no_marks_and_its_fault_is_named(
    schema: GraphQLSchema, operation: str, fault: str
) -> None:
    assert find_marks(schema, operation) == frozenset()
    assert find_faults(schema, operation)[0].startswith(fault.rstrip("."))


def test_a_wrong_argument_is_a_fault_although_its_field_is_there(schema: GraphQLSchema) -> None:
    operation = '{ floodGates(first: "one") { nodes { name } } }'
    assert find_marks(schema, operation) == {"Query.floodGates"}
    assert find_faults(schema, operation) == ['Int cannot represent non-integer value: "one"']
