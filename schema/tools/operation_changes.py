"""The effect of a schema change on an operation that a client already runs.

The operation may become invalid, or remain valid with a different meaning: a field has another type, an input requires
more. Additions to the graph break no client.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    VariableDefinitionNode,
    Visitor,
    get_named_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
    parse,
    print_ast,
    type_from_ast,
    validate,
    visit,
)
from graphql.utilities import get_default_value_ast

from engine.engine import Engine
from records.hub.operations import ClientContract, OperationField, RegisteredOperation
from schema.declarations.routed_fields import AGENCIES_ARGUMENT, REGION_ARGUMENT
from schema.tools.document_fields import choose_agencies
from schema.tools.operation_registration import PUBLIC, examine_operation


def find_breaking_changes(before: GraphQLSchema, now: GraphQLSchema, text: str) -> Sequence[str]:
    """Lists why an operation no longer does what its client expects, each reason once, in order."""
    document = parse(text)
    faults = [fault.message for fault in validate(now, document)]
    if faults or validate(before, document):
        return faults
    return list(dict.fromkeys([*_compare_answers(before, now, document), *_compare_inputs(before, now, document)]))


def find_lost_fields(schema: GraphQLSchema, text: str) -> Sequence[str]:
    """Lists why an operation gets no value of a field: the graph does not have it, or it chooses no agency."""
    document = parse(text)
    return [fault.message for fault in validate(schema, document)] or find_missing_choices(schema, document)


def find_missing_choices(schema: GraphQLSchema, document: DocumentNode) -> Sequence[str]:
    """Lists the fields of several agencies for which a valid document chooses none."""
    info = TypeInfo(schema)
    found: dict[str, None] = {}

    class ChoiceVisitor(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            parent, field = info.get_parent_type(), info.get_field_def()
            given = {each.name.value for each in node.arguments or ()}
            if parent and field and choose_agencies(field) and given.isdisjoint({REGION_ARGUMENT, AGENCIES_ARGUMENT}):
                name = f"{parent.name}.{node.name.value}"
                found[f"{name} comes from several agencies; add the argument 'region' or 'agencies'."] = None

    visit(document, TypeInfoVisitor(info, ChoiceVisitor()))
    return list(found)


def find_contract_violations(engine: Engine, contract: ClientContract, operation: RegisteredOperation) -> Sequence[str]:
    """Lists how a valid operation violates its contract, the limits, or its approval."""
    examined = examine_operation(engine, contract, operation)
    if examined.faults:
        return examined.faults
    agreed = {each.field: each for each in operation.reads}
    pairs = [(agreed[each.field], each) for each in examined.operation.reads if each.field in agreed]
    return [fault for was, is_ in pairs for fault in _compare_reads(was, is_)]


def _compare_reads(was: OperationField, is_: OperationField) -> Iterator[str]:
    if is_.data_class not in {was.data_class, PUBLIC}:
        yield f"{was.field} was {was.data_class} when it was approved and is now {is_.data_class}; get a new approval."
        return
    lost = set(was.rule.split(" or ")) - set(is_.rule.split(" or "))
    if lost and not is_.rule.startswith(PUBLIC):
        yield f"{was.field} is no longer readable by: {', '.join(sorted(lost))}."


def _compare_answers(before: GraphQLSchema, now: GraphQLSchema, document: DocumentNode) -> Iterator[str]:
    """Yields the fields with another type, or with another default of an argument that the document omits."""
    for was, is_ in zip(
        _collect_selected_fields(before, document), _collect_selected_fields(now, document), strict=True
    ):
        if not _is_subtype(is_.type, was.type):
            yield f"{was.name} was {was.type} and is now {is_.type}."
        for argument, default in was.left_out.items():
            if is_.left_out.get(argument) != default:
                instead = is_.left_out.get(argument, "nothing")
                yield f"{was.name}({argument}:) now defaults to {instead}; it was {default}."


@dataclass(frozen=True, slots=True)
class _SelectedField:
    """A field that a document selects."""

    name: str
    type: Any
    left_out: Mapping[str, str]
    """The defaults of the omitted arguments, as GraphQL text."""


def _collect_selected_fields(schema: GraphQLSchema, document: DocumentNode) -> Sequence[_SelectedField]:
    """Collects the fields of a valid document, in document order."""
    info = TypeInfo(schema)
    found: list[_SelectedField] = []

    class FieldVisitor(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            parent, field = info.get_parent_type(), info.get_field_def()
            given = {each.name.value for each in node.arguments or ()}
            left_out = {
                name: print_ast(value)
                for name, argument in (field.args.items() if field else ())
                if name not in given and (value := get_default_value_ast(argument)) is not None
            }
            name = f"{parent.name if parent else ''}.{node.name.value}"
            found.append(_SelectedField(name, info.get_type(), left_out))

    visit(document, TypeInfoVisitor(info, FieldVisitor()))
    return found


def _is_subtype(is_: Any, was: Any) -> bool:  # noqa: ANN401 - any type
    """Whether every value of type `is_` is a value of type `was`, by their names."""
    if is_non_null_type(was):
        return is_non_null_type(is_) and _is_subtype(is_.of_type, was.of_type)
    if is_non_null_type(is_):
        return _is_subtype(is_.of_type, was)
    if is_list_type(was):
        return is_list_type(is_) and _is_subtype(is_.of_type, was.of_type)
    return str(is_) == str(was)


def _compare_inputs(before: GraphQLSchema, now: GraphQLSchema, document: DocumentNode) -> Iterator[str]:
    """Yields the types of variables that accept less than before."""
    nodes: list[VariableDefinitionNode] = []

    class VariableVisitor(Visitor):
        def enter_variable_definition(self, node: VariableDefinitionNode, *_: object) -> None:
            nodes.append(node)

    visit(document, VariableVisitor())
    seen: set[str] = set()
    for node in nodes:
        old, new = type_from_ast(before, node.type), type_from_ast(now, node.type)
        if old is not None and new is not None:
            yield from _compare_input_types(get_named_type(old), get_named_type(new), seen)


def _compare_input_types(old: GraphQLNamedType, new: GraphQLNamedType, seen: set[str]) -> Iterator[str]:
    if old.name in seen:
        return
    seen.add(old.name)
    if isinstance(old, GraphQLEnumType) and isinstance(new, GraphQLEnumType):
        yield from (f"{old.name} no longer has the value {value}." for value in old.values if value not in new.values)
    elif isinstance(old, GraphQLInputObjectType) and isinstance(new, GraphQLInputObjectType):
        yield from _compare_input_objects(old, new, seen)
    elif type(old) is not type(new):
        yield f"{old.name} is now another kind of type."


def _compare_input_objects(old: GraphQLInputObjectType, new: GraphQLInputObjectType, seen: set[str]) -> Iterator[str]:
    for name, field in new.fields.items():
        if name not in old.fields and is_required_input_field(field):
            yield f"{new.name}.{name} is now required."
    for name, field in old.fields.items():
        if name not in new.fields:
            yield f"{old.name} no longer has {name}."
            continue
        other = new.fields[name]
        asks_for_more = is_required_input_field(other) and not is_required_input_field(field)
        if asks_for_more or not _is_subtype(field.type, other.type):
            yield f"{old.name}.{name} was {field.type} and is now {other.type}."
        else:
            yield from _compare_input_types(get_named_type(field.type), get_named_type(other.type), seen)
