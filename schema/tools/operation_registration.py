"""Examines an operation for registration: its reads, their rules, its cost, and whether the contract covers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableDefinitionNode,
    Visitor,
    parse,
    value_from_ast_untyped,
    visit,
)

from auth.policy.rules import Classification, Rule
from engine.document.limits import TooLarge
from engine.engine import Engine
from engine.plan.explanation import explain_plan
from engine.plan.tree import DEFINITION, NotPlannable
from engine.request import GraphQLRequest, RefusedRequest
from records.hub.operations import ClientContract, OperationField, RegisteredOperation
from schema.declarations.fields import PublishedField
from schema.declarations.guards import Guard

PUBLIC, PERSONAL = "public", "personal"
_MAX_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationExamination:
    """The result of the examination of an operation."""

    operation: RegisteredOperation
    """With its scopes, ranges, cost and reads, as far as they could be determined."""
    faults: Sequence[str] = ()
    """Why it cannot be registered; each names the thing and the fix."""
    plan: str = ""
    """Its plan as text."""


def examine_operation(engine: Engine, contract: ClientContract, wanted: RegisteredOperation) -> OperationExamination:
    """Examines an operation under a contract, without any agency call. Faults are returned, not raised."""
    try:
        definition = _get_only_operation(wanted)
        ranges = contract.variables.get(wanted.name, {})
        wanted = replace(wanted, ranges=ranges)
        request = GraphQLRequest(query=wanted.text, variables=_build_largest_variables(definition, ranges))
        plan, cost = engine.explain(request)
        cost.require_within(engine.rules.limits)
    except _UnfitDocument as fault:
        return OperationExamination(operation=wanted, faults=(str(fault),))
    except RefusedRequest as refused:
        return OperationExamination(operation=wanted, faults=[error["message"] for error in refused.errors])
    except TooLarge as refusal:
        return OperationExamination(operation=wanted, faults=(str(refusal),))
    except NotPlannable as reason:
        return OperationExamination(
            operation=wanted, faults=(f"The operation cannot be registered, because of: {reason}.",)
        )
    reads = list_reads(engine, wanted.text)
    scopes = {each.field: contract.find_scope(*each.field.split(".")) for each in reads}
    found = replace(
        wanted, reads=reads, cost=cost.points, scopes=frozenset(scope for scope in scopes.values() if scope is not None)
    )
    faults = [
        *_find_uncovered_fields([each for each, scope in scopes.items() if scope is None], contract),
        *_find_wrong_ranges(definition, contract, wanted.name),
        *_find_unapproved_fields(found),
    ]
    return OperationExamination(
        operation=found, faults=faults, plan=explain_plan(plan, cost).to_text(engine.rules.limits)
    )


def list_reads(engine: Engine, text: str) -> Sequence[OperationField]:
    """Lists every field that a valid document selects, even under `@skip` or `@include`, each once, by name."""
    info = TypeInfo(engine.schema)
    found: dict[str, OperationField] = {}

    class ReadVisitor(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            parent, graphql = info.get_parent_type(), info.get_field_def()
            if parent is None or graphql is None or node.name.value == "__typename":
                return
            name = f"{parent.name}.{node.name.value}"
            found[name] = _build_read(name, (graphql.extensions or {}).get(DEFINITION))

    visit(parse(text), TypeInfoVisitor(info, ReadVisitor()))
    return [found[name] for name in sorted(found)]


def _build_read(name: str, definition: object) -> OperationField:
    """Builds the read of a field, with its class and rule; a field without a guard counts as personal."""
    guard = definition.engine_guard() if isinstance(definition, PublishedField) else None
    if not isinstance(guard, Guard):
        return OperationField(field=name, data_class=PERSONAL, rule="not said")
    access = guard.access
    rule = " or ".join(str(each.name).lower().replace("_", " ") for each in Rule if each in access.rules)
    if guard.public_when is not None:
        rule += f", everybody where {guard.public_when}"
    return OperationField(field=name, data_class=_describe_class(access.classification), rule=rule)


def _describe_class(classification: Classification) -> str:
    level, kind = classification.level.lower(), classification.kind
    return f"{level} ({kind.lower()})" if kind else level


class _UnfitDocument(Exception):  # noqa: N818 - reads as what it is
    """The document cannot be registered at all."""


def _get_only_operation(wanted: RegisteredOperation) -> OperationDefinitionNode:
    try:
        document = parse(wanted.text, max_tokens=100_000)
    except GraphQLError as error:
        raise _UnfitDocument(error.message) from error
    held = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    if len(held) != 1:
        raise _UnfitDocument(f"The document holds {len(held)} operations; a registered document must hold one.")
    name = held[0].name.value if held[0].name else None
    if name is None:
        raise _UnfitDocument("The operation has no name; give it one.")
    if name != wanted.name:
        raise _UnfitDocument(
            f"The operation is '{wanted.name}' in the manifest and '{name}' in the document; use the same name."
        )
    return held[0]


def get_operation_name(text: str) -> str:
    """Returns the name of the first named operation of a document; empty if there is none, or if it is invalid."""
    try:
        definitions = parse(text, max_tokens=100_000).definitions
    except GraphQLError:
        return ""
    names = (each.name.value for each in definitions if isinstance(each, OperationDefinitionNode) and each.name)
    return next(names, "")


def _build_largest_variables(definition: OperationDefinitionNode, ranges: Mapping[str, Any]) -> dict[str, Any]:
    """Builds the variables with which the operation costs most within its ranges."""
    declared = {each.variable.name.value: each for each in definition.variable_definitions or ()}
    return {
        name: int(allowed.at_most)
        for name, allowed in ranges.items()
        if allowed.at_most is not None and name in declared and _get_type_name(declared[name]) == "Int"
    }


def _get_type_name(definition: VariableDefinitionNode) -> str:
    """Returns the named type of a variable; empty for a list."""
    named: Any = definition.type
    while hasattr(named, "type"):
        if named.kind == "list_type":
            return ""
        named = named.type
    return str(named.name.value)


def _find_uncovered_fields(fields: Sequence[str], contract: ClientContract) -> Sequence[str]:
    if not fields:
        return ()
    shown = ", ".join(fields[:_MAX_SHOWN]) + (f" and {len(fields) - _MAX_SHOWN} more" if fields[_MAX_SHOWN:] else "")
    return (f"The contract of '{contract.client}' opens no scope for {shown}.",)


def _find_wrong_ranges(definition: OperationDefinitionNode, contract: ClientContract, name: str) -> Sequence[str]:
    declared = {each.variable.name.value: each for each in definition.variable_definitions or ()}
    faults = []
    for variable, allowed in contract.variables.get(name, {}).items():
        if variable not in declared:
            faults.append(f"The contract limits the variable '${variable}', which the operation does not have.")
        elif (default := declared[variable].default_value) is not None:
            fault = allowed.find_fault(value_from_ast_untyped(default))
            if fault is not None:
                faults.append(f"The default of '${variable}' {fault}.")
    return faults


def _find_unapproved_fields(operation: RegisteredOperation) -> Sequence[str]:
    personal = [each.field for each in operation.reads if each.data_class != PUBLIC]
    if not personal or operation.approved_by:
        return ()
    shown = ", ".join(personal[:_MAX_SHOWN])
    return (f"It reads personal data ({shown}): name the data owner that approved it, with --approved-by.",)
