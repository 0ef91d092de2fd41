"""The values of an operation's variables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from graphql import BooleanValueNode, GraphQLError, GraphQLSchema, VariableDefinitionNode
from graphql.execution.values import VariableValues, get_variable_values

from engine.document import DocumentRules, Operation, RefusedRequest
from engine.errors import MOST_ERRORS, at_most, request_error
from engine.inputs import HOLDS_NUL, RefusedValue, named, nul_in
from engine.limits import list_items
from engine.plan.cost import too_many
from engine.request import GraphQLRequest

NO_VARIABLES = VariableValues({}, {})


def variables_of(
    operation: Operation, request: GraphQLRequest, schema: GraphQLSchema, rules: DocumentRules
) -> VariableValues:
    """The variables' values; raises `RefusedRequest` and `TooLarge` where there is nothing to run."""
    given = request.variables
    if given:
        count, most = list_items(given), rules.limits.list_items
        if count > most:
            raise too_many("variables", count, most)
    declared = operation.definition.variable_definitions
    if not declared:
        return NO_VARIABLES
    values = get_variable_values(
        schema,
        declared,
        dict(given or {}),
        max_errors=MOST_ERRORS,
        hide_suggestions=not rules.suggestions,
    )
    if isinstance(values, VariableValues):
        if given:
            _refuse_nul(declared, given)
        return values
    errors = [_variable_error(error, operation) for error in values[:MOST_ERRORS]]
    raise RefusedRequest(*at_most(errors, len(values)))


def _refuse_nul(declared: Iterable[VariableDefinitionNode], given: Mapping[str, Any]) -> None:
    """Raise `RefusedRequest` where a text holds a NUL, with its place: names in it are those of types, which fit."""
    for each in declared:
        name = each.variable.name.value
        place = nul_in(given.get(name))
        if place is not None:
            message = f"Variable '${name}{place}': {HOLDS_NUL}"
            raise RefusedRequest(request_error(message, RefusedValue.code))


def default_conditions(operation: Operation) -> VariableValues:
    """The values that conditions of `@include` and `@skip` have where no variable is given."""
    defaults = {
        each.variable.name.value: each.default_value.value
        for each in operation.definition.variable_definitions or ()
        if isinstance(each.default_value, BooleanValueNode)
    }
    return VariableValues({}, defaults)


def _variable_error(error: GraphQLError, operation: Operation) -> dict[str, Any]:
    locations: list[Any] = [location.formatted for location in error.locations or ()]
    return request_error(named(error, operation.document), "BAD_USER_INPUT", locations)
