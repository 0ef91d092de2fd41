"""Parses and validates the document of a request."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from graphql import (
    ASTValidationRule,
    DocumentNode,
    ExecutableDefinitionsRule,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    LoneAnonymousOperationRule,
    NoFragmentCyclesRule,
    NoSchemaIntrospectionCustomRule,
    NoUndefinedVariablesRule,
    NoUnusedFragmentsRule,
    NoUnusedVariablesRule,
    OperationDefinitionNode,
    OperationType,
    OverlappingFieldsCanBeMergedRule,
    Source,
    SourceLocation,
    StringValueNode,
    UniqueArgumentNamesRule,
    UniqueFragmentNamesRule,
    UniqueInputFieldNamesRule,
    UniqueOperationNamesRule,
    UniqueVariableNamesRule,
    ValidationContext,
    ValidationRule,
    get_nullable_type,
    get_operation_ast,
    is_leaf_type,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature

from engine.document.limits import ASK_FOR_LESS, Limits, TooLarge
from engine.document.refused_values import NUL, NUL_MESSAGE, RefusedValue, describe_refused_value, find_refused_value
from engine.errors import build_request_error
from engine.request import GraphQLRequest, RefusedRequest, ResponseOutcome

MAX_VALIDATION_ERRORS = 20
NO_SUBSCRIPTIONS = "Subscriptions are not supported. Send a query, and repeat it to see changes."
_INTROSPECTION = re.compile(r"__schema\b|__type\b")
"""A text that every introspection document contains; others may contain it in a comment."""
_ABORTED = "Validation aborted."
"""The message of graphql-core if validation would take too much work."""
_SCHEMA_INDEPENDENT_RULES = (
    ExecutableDefinitionsRule,
    LoneAnonymousOperationRule,
    NoFragmentCyclesRule,
    NoSchemaIntrospectionCustomRule,
    NoUndefinedVariablesRule,
    NoUnusedFragmentsRule,
    NoUnusedVariablesRule,
    UniqueArgumentNamesRule,
    UniqueFragmentNamesRule,
    UniqueInputFieldNamesRule,
    UniqueOperationNamesRule,
    UniqueVariableNamesRule,
)
"""Rules whose messages reveal nothing of the schema, because they apply to any schema."""
_HIDDEN_SCHEMA_MESSAGE = (
    "The document does not fit the graph, which this hub hides. Check it against the published schema."
)
_LINE_END = re.compile(r"\r\n|[\n\r]")
"""GraphQL specification, section 2.1.2 "Line Terminators"."""
_MAX_NAME_LENGTH = 100
_MAX_NAMES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatedOperation:
    """One operation of a valid document, ready to be run."""

    document: DocumentNode
    definition: OperationDefinitionNode
    name: str | None
    scalar_variables: Sequence[GraphQLVariableSignature] = ()
    """Its variables, if each is a scalar or an enum; else empty."""


class IndexedSource(Source):
    """A document with an index of its lines.

    graphql-core computes the location of every error, of which an answer may have tens of thousands. Without the index,
    it would search the line ends from the start of the document each time.
    """

    @cached_property
    def _line_ends(self) -> tuple[list[int], list[int]]:
        """The start and the end of each line terminator."""
        spans = [match.span() for match in _LINE_END.finditer(self.body)]
        return [start for start, _ in spans], [end for _, end in spans]

    def get_location(self, position: int) -> SourceLocation:
        """Line and column, from 1, of a position in the text."""
        starts, ends = self._line_ends
        before = bisect_left(starts, position)
        return SourceLocation(before + 1, position + 1 - (ends[before - 1] if before else 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRules:
    """Which documents this hub accepts, and what its errors may reveal."""

    limits: Limits
    allow_introspection: bool
    allow_suggestions: bool
    """Whether errors may suggest similar names; off in production, because they reveal the schema to an attacker."""
    allow_explain: bool = False
    """Whether a request may get its plan, by `"extensions": {"explain": true}`."""
    show_schema_names: bool = True
    """Whether errors may name what the schema has and lacks. If not, an invalid document gets locations only, so that
    names from a word list all get the same error."""


def parse_operation(request: GraphQLRequest, schema: GraphQLSchema, rules: DocumentRules) -> ValidatedOperation:
    """Parse and validate the request's document and find the operation it names; raises `RefusedRequest`."""
    document = _parse(request.query, rules)
    definition = get_operation_ast(document, request.operation_name)
    if definition is None:
        raise RefusedRequest(
            build_request_error(_describe_missing_operation(document, request.operation_name), "OPERATION_NOT_FOUND")
        )
    operation = ValidatedOperation(
        document=document,
        definition=definition,
        name=definition.name.value if definition.name else None,
    )
    check_method(operation, request)
    _validate(document, schema, rules)
    return replace(operation, scalar_variables=_find_scalar_variables(schema, definition))


def _find_scalar_variables(
    schema: GraphQLSchema, definition: OperationDefinitionNode
) -> Sequence[GraphQLVariableSignature]:
    found = [get_variable_signature(schema, each) for each in definition.variable_definitions or ()]
    signatures = [each for each in found if not isinstance(each, GraphQLError)]
    is_scalar = all(is_leaf_type(get_nullable_type(each.type)) for each in signatures)
    return signatures if is_scalar and len(signatures) == len(found) else ()


def may_be_introspection(text: str) -> bool:
    """Whether a document may ask for the schema; false for certain."""
    return _INTROSPECTION.search(text) is not None


def check_method(operation: ValidatedOperation, request: GraphQLRequest) -> None:
    """Refuse subscriptions, and mutations where the transport allows queries only; raises `RefusedRequest`."""
    if operation.definition.operation is OperationType.SUBSCRIPTION:
        outcome = ResponseOutcome.NOT_A_QUERY if request.queries_only else ResponseOutcome.REFUSED
        raise RefusedRequest(build_request_error(NO_SUBSCRIPTIONS, "METHOD_NOT_ALLOWED"), outcome=outcome)
    if request.queries_only and operation.definition.operation is not OperationType.QUERY:
        message = f"A {operation.definition.operation.value} cannot be run by this method; send it as POST."
        raise RefusedRequest(build_request_error(message, "METHOD_NOT_ALLOWED"), outcome=ResponseOutcome.NOT_A_QUERY)


def _parse(text: str, rules: DocumentRules) -> DocumentNode:
    # graphql-core itself limits the nesting of a document (200 levels), and reports more as a syntax error.
    try:
        return parse(IndexedSource(text), max_tokens=rules.limits.tokens)
    except GraphQLSyntaxError as error:
        raise RefusedRequest(
            build_request_error(error.message, "GRAPHQL_PARSE_FAILED", _format_locations(error))
        ) from error


def _validate(document: DocumentNode, schema: GraphQLSchema, rules: DocumentRules) -> None:
    used = [
        *(rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule),
        _build_bounded_merging_rule(rules.limits.comparisons),
        _NoNulCharacterRule,
        *([] if rules.allow_introspection else [NoSchemaIntrospectionCustomRule]),
    ]
    faults = _find_errors(document, schema, used, rules)
    if not faults:
        return
    if not rules.show_schema_names and not all(map(_is_value_error, faults)):
        of_itself = _find_errors(document, schema, _SCHEMA_INDEPENDENT_RULES, rules)
        if not of_itself:
            places = [place for fault in faults for place in _format_locations(fault)]
            raise RefusedRequest(build_request_error(_HIDDEN_SCHEMA_MESSAGE, "GRAPHQL_VALIDATION_FAILED", places))
        faults = of_itself
    raise RefusedRequest(*_merge_equal_errors(_to_validation_error(fault, document) for fault in faults))


def _is_value_error(fault: GraphQLError) -> bool:
    """Whether the document fits the schema except for a value or its size."""
    return fault.message == _ABORTED or find_refused_value(fault) is not None


def _merge_equal_errors(errors: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Merge errors with the same message and code into one, with all locations."""
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for error in errors:
        known = merged.setdefault((error["message"], error["extensions"]["code"]), error)
        if known is not error:
            known["locations"] = [*known.get("locations", ()), *error.get("locations", ())]
    return list(merged.values())


def _find_errors(
    document: DocumentNode, schema: GraphQLSchema, used: Collection[type[ASTValidationRule]], rules: DocumentRules
) -> list[GraphQLError]:
    return validate(
        schema, document, used, max_errors=MAX_VALIDATION_ERRORS, hide_suggestions=not rules.allow_suggestions
    )


def _to_validation_error(fault: GraphQLError, document: DocumentNode) -> dict[str, Any]:
    if fault.message == _ABORTED:
        message = f"The document repeats too many fields, or nests its fragments too deeply. {ASK_FOR_LESS}"
        return build_request_error(message, TooLarge.code)
    code = "GRAPHQL_VALIDATION_FAILED" if find_refused_value(fault) is None else RefusedValue.code
    return build_request_error(describe_refused_value(fault, document), code, _format_locations(fault))


class _NoNulCharacterRule(ValidationRule):
    """Refuses NUL in strings: databases do not accept it, and their errors name neither the string nor its location."""

    def enter_string_value(self, node: StringValueNode, *_: object) -> None:
        if NUL in node.value:
            self.report_error(GraphQLError("", node, original_error=RefusedValue(NUL_MESSAGE)))


def _build_bounded_merging_rule(comparisons: int) -> type[OverlappingFieldsCanBeMergedRule]:
    """The rule "Field Selection Merging" (GraphQL specification, section 5.3.2) with a limit on its work."""

    class BoundedMerging(OverlappingFieldsCanBeMergedRule):
        def __init__(self, context: ValidationContext) -> None:
            super().__init__(context)
            self.rule_context.remaining_complexity_budget = comparisons

    return BoundedMerging


def _format_locations(error: GraphQLError) -> list[Any]:
    return [location.formatted for location in error.locations or ()]


def _describe_missing_operation(document: DocumentNode, name: str | None) -> str:
    names = [
        definition.name.value if definition.name else "(unnamed)"
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
    ]
    if not names:
        return "The document holds no operation; add a query."
    if name is None:
        return f"The document holds {len(names)} operations; name one of them in 'operationName'."
    return f"The document holds no operation '{name[:_MAX_NAME_LENGTH]}'; it holds: {', '.join(names[:_MAX_NAMES])}."
