"""Coerces the variables of an operation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphql import (
    BooleanValueNode,
    GraphQLError,
    GraphQLSchema,
    Undefined,
    VariableDefinitionNode,
    coerce_input_value,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values

from engine.document.limits import build_too_many_values_error, count_list_items
from engine.document.parsing import DocumentRules, ValidatedOperation
from engine.document.refused_values import NUL_MESSAGE, RefusedValue, describe_refused_value, find_nul
from engine.errors import MAX_ERRORS, build_request_error, truncate_errors
from engine.request import GraphQLRequest, RefusedRequest

NO_VARIABLES = VariableValues({}, {})


def coerce_variables(
    operation: ValidatedOperation, request: GraphQLRequest, schema: GraphQLSchema, rules: DocumentRules
) -> VariableValues:
    """Coerce the variables; raises `RefusedRequest` for invalid values and `TooLarge` for long lists."""
    given = request.variables
    if given:
        count, most = count_list_items(given), rules.limits.list_items
        if count > most:
            raise build_too_many_values_error("variables", count, most)
    declared = operation.definition.variable_definitions
    if not declared:
        return NO_VARIABLES
    values = _coerce_scalars(operation.scalar_variables, given or {}) or get_variable_values(
        schema,
        declared,
        dict(given or {}),
        max_errors=MAX_ERRORS,
        hide_suggestions=not rules.allow_suggestions,
    )
    if isinstance(values, VariableValues):
        if given:
            _refuse_nul(declared, given)
        return values
    errors = [_to_variable_error(error, operation) for error in values[:MAX_ERRORS]]
    raise RefusedRequest(*truncate_errors(errors, len(values)))


def _coerce_scalars(signatures: Sequence[GraphQLVariableSignature], given: Mapping[str, Any]) -> VariableValues | None:
    """The variables, if a valid value is given for each; None if graphql-core has to find defaults or errors.

    graphql-core reads the type of each variable from the document again, for every request: 2 % of a small one.
    """
    sources: dict[str, VariableValueSource] = {}
    coerced: dict[str, Any] = {}
    for signature in signatures:
        name = signature.name
        value = given.get(name, Undefined)
        coerced[name] = Undefined if value is Undefined else coerce_input_value(value, signature.type)
        if coerced[name] is Undefined:
            return None
        sources[name] = VariableValueSource(signature, value)
    return VariableValues(sources, coerced) if sources else None


def _refuse_nul(declared: Iterable[VariableDefinitionNode], given: Mapping[str, Any]) -> None:
    """Raise `RefusedRequest` with the path of a string with NUL. Its names come from the schema, so it is safe."""
    for each in declared:
        name = each.variable.name.value
        place = find_nul(given.get(name))
        if place is not None:
            message = f"Variable '${name}{place}': {NUL_MESSAGE}"
            raise RefusedRequest(build_request_error(message, RefusedValue.code))


def get_default_conditions(operation: ValidatedOperation) -> VariableValues:
    """The default values of Boolean variables, which `@include` and `@skip` have without a request."""
    defaults = {
        each.variable.name.value: each.default_value.value
        for each in operation.definition.variable_definitions or ()
        if isinstance(each.default_value, BooleanValueNode)
    }
    return VariableValues({}, defaults)


def _to_variable_error(error: GraphQLError, operation: ValidatedOperation) -> dict[str, Any]:
    locations: list[Any] = [location.formatted for location in error.locations or ()]
    return build_request_error(describe_refused_value(error, operation.document), "BAD_USER_INPUT", locations)
