"""The coercion of variables: the fast way for scalars gives the values and errors of graphql-core."""

from typing import Any

import pytest
from graphql import GraphQLError, build_schema
from graphql.execution.values import VariableValues, get_variable_values

from engine.document.limits import Limits
from engine.document.parsing import DocumentRules, parse_operation
from engine.document.variables import coerce_variables
from engine.request import GraphQLRequest, RefusedRequest

SCHEMA = build_schema("""
    enum Colour { RED GREEN }
    input Range { least: Int }
    type Query { a(id: ID, n: Int, x: Float, flag: Boolean, colour: Colour, many: [Int], range: Range): String }
""")
RULES = DocumentRules(limits=Limits(), allow_introspection=False, allow_suggestions=False)


def describe(values: VariableValues | list[GraphQLError] | RefusedRequest) -> object:
    """The coerced values and those that were given; the number of errors where they are refused."""
    if isinstance(values, VariableValues):
        return values.coerced, {name: source.value for name, source in values.sources.items()}
    return len(values.errors if isinstance(values, RefusedRequest) else values)


def coerce(declared: str, given: dict[str, Any] | None) -> tuple[object, object]:
    """The values by the engine and by graphql-core."""
    names = [part.partition(":")[0].strip() for part in declared.split("$")[1:]]
    uses = " ".join(f"v{at}: a({name}: ${name})" for at, name in enumerate(names))
    request = GraphQLRequest(query=f"query ({declared}) {{ {uses} }}", variables=given)
    operation = parse_operation(request, SCHEMA, RULES)
    found: VariableValues | RefusedRequest
    try:
        found = coerce_variables(operation, request, SCHEMA, RULES)
    except RefusedRequest as refusal:
        found = refusal
    expected = get_variable_values(SCHEMA, operation.definition.variable_definitions or (), dict(given or {}))
    return describe(found), describe(expected)


@pytest.mark.parametrize(
    "variables", [None, {}, {"id": None}, {"id": 7}, {"id": "7"}, {"id": 1.5}, {"id": ["7"]}, {"n": 1}]
)
@pytest.mark.parametrize("type_", ["ID", "ID!", 'ID = "1"', 'ID! = "1"'])
def test_of_one_id(type_: str, variables: dict[str, Any] | None) -> None:
    found, expected = coerce(f"$id: {type_}", variables)
    assert found == expected


@pytest.mark.parametrize(
    "variables",
    [
        {"n": 1, "x": 2, "flag": True, "colour": "RED"},
        {"n": 2**31, "x": "no", "flag": 1, "colour": "BLUE"},
        {"n": 1, "x": 2.5, "flag": False, "colour": None},
        {"n": 1, "x": 2, "flag": True},
        {"n": True, "x": 2, "flag": True, "colour": "GREEN", "other": 1},
    ],
)
def test_of_several_scalars(variables: dict[str, Any]) -> None:
    found, expected = coerce("$n: Int!, $x: Float, $flag: Boolean!, $colour: Colour = RED", variables)
    assert found == expected


@pytest.mark.parametrize("many", [[1, 2], 1, None, ["x"]])
def test_a_list_and_an_input_object_take_the_way_of_graphql_core(many: object) -> None:
    found, expected = coerce("$id: ID, $many: [Int], $range: Range", {"id": "1", "many": many, "range": {"least": 1}})
    assert found == expected


def test_the_fast_way_is_taken_for_scalars_only() -> None:
    def variables(declared: str) -> list[str]:
        query = f"query ({declared}) {{ a(id: $id, many: $many) }}"
        return [each.name for each in parse_operation(GraphQLRequest(query=query), SCHEMA, RULES).scalar_variables]

    assert variables("$id: ID!, $many: [Int]") == []
    request = GraphQLRequest(query="query ($id: ID!, $n: Int) { a(id: $id, n: $n) }")
    assert [each.name for each in parse_operation(request, SCHEMA, RULES).scalar_variables] == ["id", "n"]
