"""The values of an operation's variables."""

from __future__ import annotations

from typing import Any

from graphql import BooleanValueNode, GraphQLError, GraphQLSchema, OperationType
from graphql.execution.values import VariableValues, get_variable_values

from engine.document import DocumentRules, Operation, RefusedRequest
from engine.errors import MOST_ERRORS, at_most, request_error
from engine.inputs import named
from engine.limits import list_items
from engine.plan.cost import too_many
from engine.request import GraphQLRequest

NO_VARIABLES = VariableValues({}, {})


def variables_of(
    operation: Operation, request: GraphQLRequest, schema: GraphQLSchema, rules: DocumentRules
) -> VariableValues:
    """The variables' values; raises `RefusedRequest` and `TooLarge` where there is nothing to run."""
    if operation.definition.operation is OperationType.SUBSCRIPTION:
        message = "Subscriptions cannot be run by a plain HTTP request."
        raise RefusedRequest(request_error(message, "METHOD_NOT_ALLOWED"))
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
        return values
    errors = [_variable_error(error, operation) for error in values[:MOST_ERRORS]]
    raise RefusedRequest(*at_most(errors, len(values)))


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
