"""Builds the tree of a plan from a document, within the limits.

Fragments are spread, fields with the same response key merged, and `@include` and `@skip` evaluated (GraphQL
specification, section 6.3.2 "Field Collection"). So a plan holds for one set of values of those conditions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLAbstractType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SchemaMetaFieldDef,
    SelectionSetNode,
    TypeMetaFieldDef,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

from engine.batch import Batch
from engine.document.limits import ASK_FOR_LESS, Limits, TooLarge, compute_depth
from engine.field_kinds import AttributeField, BatchField, FieldGuard, PlannedField
from engine.plan.tree import DEFINITION, PlanField, Shape

_META_FIELDS = {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef}


@dataclass(frozen=True, slots=True)
class UnplannedDefinition:
    """The definition of a field that only graphql-core can run; it serves to estimate the cost."""

    name: str
    is_public: bool = True
    is_keyed: bool = False
    depends_on_time: bool = False
    fact_batches: Sequence[Batch[Any, Any]] = ()
    data_class: str | None = None
    read_subject: str | None = None
    key_is_subject: bool = False

    def engine_kind(self) -> AttributeField:
        """An attribute, which costs no call."""
        return AttributeField(self.name)

    def engine_guard(self) -> FieldGuard:
        """No decision."""
        return self

    def engine_arguments(self, coerced: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arguments unchanged."""
        return coerced

    def engine_argument_names(self) -> None:
        """No names: such a field never runs by a plan."""

    def build_decider(self, context: Any) -> None:  # noqa: ANN401 - the schema's context
        """No decision."""

    def allows_own(self, context: Any, records: Sequence[Any]) -> bool:  # noqa: ANN401, ARG002 - the schema's context
        """Nobody owns such records."""
        return False

    def allows_own_key(self, context: Any, record: Any, key: Any) -> bool:  # noqa: ANN401, ARG002 - the schema's context
        """The key names no person."""
        return False

    def find_blanket_refusal(self, context: Any) -> None:  # noqa: ANN401 - the schema's context
        """No decision."""

    def get_read_subjects(self, record: Any, key: Any) -> tuple[()]:  # noqa: ANN401, ARG002 - any record and key
        """No subjects."""
        return ()


ConditionValues = Mapping[str, bool | None]
"""Values of conditions by variable; None for null, which only graphql-core refuses correctly."""


def find_condition_variables(document: DocumentNode, operation: OperationDefinitionNode) -> tuple[str, ...]:
    """The variables in `@include` and `@skip`, sorted; each set of their values has its own plan."""
    found: dict[str, None] = {}

    def look(selections: SelectionSetNode | None) -> None:
        for selection in selections.selections if selections else ():
            for directive in selection.directives or ():
                for argument in directive.arguments or ():
                    if directive.name.value in ("include", "skip") and isinstance(argument.value, VariableNode):
                        found[argument.value.name.value] = None
            if isinstance(selection, FieldNode | InlineFragmentNode):
                look(selection.selection_set)

    look(operation.selection_set)
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            look(definition.selection_set)
    return tuple(sorted(found))


class PlanBuilder:
    """Builds the tree of one operation, and stops at the limits."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        condition_values: ConditionValues,
        limits: Limits | None = None,
    ) -> None:
        """`condition_values` are the values of the variables in `@include` and `@skip`."""
        self._schema = schema
        self._document = document
        self._condition_values = condition_values
        self._limits = limits or Limits()
        self._selections = 0
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self.fields: list[PlanField] = []
        self.shapes: list[Shape] = []
        self.unplannable_part: str | None = None
        """The first part that only graphql-core can run, if any."""

    def build_root(self, type_: GraphQLObjectType, operation: OperationDefinitionNode) -> Shape:
        """Build the tree of the operation; raises `TooLarge`."""
        self._operation = operation
        return self._build_shape(type_, None, [operation.selection_set], 1)

    def _build_shape(
        self, type_: GraphQLObjectType, parent: PlanField | None, selections: Sequence[SelectionSetNode], depth: int
    ) -> Shape:
        # Check depth and breadth before going deeper: nested fragments can grow exponentially.
        if depth > self._limits.depth:
            raise TooLarge(
                f"The operation is {compute_depth(self._document, self._operation)} fields deep; at most"
                f" {self._limits.depth} are allowed. {ASK_FOR_LESS}"
            )
        shape = Shape(number=len(self.shapes), record=get_record_class(type_), parent=parent, type=type_)
        self.shapes.append(shape)
        collected = self._collect_fields(type_, selections)
        self._check_breadth(shape, collected)
        for key, nodes in collected.items():
            shape.keys.append(key)
            if nodes[0].name.value == "__typename":
                shape.typenames.append(key)
            else:
                shape.fields.append(self._build_field(shape, key, nodes, depth))
        # The run treats three kinds of fields differently: leaves, records inside the record, and batch fields.
        shape.nested = tuple(
            each for each in shape.fields if not each.is_leaf and not isinstance(each.kind, BatchField)
        )
        shape.groups = _group_batch_fields(shape)
        return shape

    def _check_breadth(self, shape: Shape, collected: Mapping[str, Sequence[FieldNode]]) -> None:
        breadth, aliases = self._limits.breadth, self._limits.aliases
        if len(collected) <= min(breadth, aliases):
            return
        place = f"'{_describe_place(shape)}'" if shape.parent else f"The {self._operation.operation.value}"
        ((name, count),) = Counter(nodes[0].name.value for nodes in collected.values()).most_common(1)
        if count > aliases:
            raise TooLarge(
                f"{place} selects '{name}' under {count} names; at most {aliases} are allowed. {ASK_FOR_LESS}"
            )
        if len(collected) > breadth:
            raise TooLarge(f"{place} selects {len(collected)} fields; at most {breadth} are allowed. {ASK_FOR_LESS}")

    def _build_field(self, shape: Shape, key: str, nodes: Sequence[FieldNode], depth: int) -> PlanField:
        name = nodes[0].name.value
        graphql = shape.type.fields.get(name) or _META_FIELDS[name]
        definition = graphql.extensions.get(DEFINITION)
        # A field without a planned definition makes the plan unusable for a run, but its cost must still be known.
        if not isinstance(definition, PlannedField):
            self.unplannable_part = self.unplannable_part or f"{shape.type.name}.{name}"
            definition = UnplannedDefinition(name)
        planned = PlanField(
            key=key,
            nodes=tuple(nodes),
            parent=shape,
            definition=definition,
            graphql_field=graphql,
            type=graphql.type,
            kind=definition.engine_kind(),
            guard=definition.engine_guard(),
            number=len(self.fields),
            depth=get_list_depth(graphql.type),
        )
        self.fields.append(planned)
        named = get_named_type(graphql.type)
        # Each possible type gets its own shape, because fragments select different fields for it.
        if not is_leaf_type(named):
            selections = [node.selection_set for node in nodes if node.selection_set is not None]
            for type_ in self._get_possible_types(named):
                planned.shapes[type_.name] = self._build_shape(type_, planned, selections, depth + 1)
            planned.only_shape = _get_only_shape(named, planned.shapes)
            planned.is_object_non_null = _is_innermost_non_null(graphql.type)
        return planned

    def _get_possible_types(self, named: GraphQLNamedType) -> Sequence[GraphQLObjectType]:
        if is_abstract_type(named):
            abstract: GraphQLAbstractType = named
            possible = self._schema.get_possible_types(abstract)
            if not possible:
                self.unplannable_part = self.unplannable_part or f"{named.name}, which has no possible types"
            return possible
        object_type: Any = named
        return (object_type,)

    def _collect_fields(
        self, type_: GraphQLObjectType, selections: Sequence[SelectionSetNode]
    ) -> dict[str, list[FieldNode]]:
        grouped: dict[str, list[FieldNode]] = {}
        visited: set[str] = set()
        for each in selections:
            for node in self._spread_fragments(type_, each, visited):
                grouped.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
        return grouped

    def _spread_fragments(
        self, type_: GraphQLObjectType, selections: SelectionSetNode, visited: set[str]
    ) -> Iterator[FieldNode]:
        for selection in selections.selections:
            self._selections += 1  # counted for each possible type: nested interfaces multiply
            if self._selections > self._limits.fields:
                raise TooLarge(
                    f"The operation selects more than {self._limits.fields} fields, fragments spread out and counted"
                    f" for each type that an object may be of. {ASK_FOR_LESS}"
                )
            if not self._is_included(selection.directives or ()):
                continue
            if isinstance(selection, FieldNode):
                yield selection
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                if condition is None or self._type_condition_matches(condition.name.value, type_):
                    yield from self._spread_fragments(type_, selection.selection_set, visited)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in visited:
                visited.add(selection.name.value)
                fragment = self._fragments[selection.name.value]
                if self._type_condition_matches(fragment.type_condition.name.value, type_):
                    yield from self._spread_fragments(type_, fragment.selection_set, visited)

    def _is_included(self, directives: Sequence[DirectiveNode]) -> bool:
        for directive in directives:
            name = directive.name.value
            if name in ("include", "skip"):
                condition = self._get_condition(directive)
                if condition is not None and condition != (name == "include"):
                    return False
            elif name in ("defer", "stream"):
                self.unplannable_part = self.unplannable_part or f"@{name}"
        return True

    def _get_condition(self, directive: DirectiveNode) -> bool | None:
        (argument,) = directive.arguments or ()
        value = argument.value
        if isinstance(value, VariableNode):
            condition = self._condition_values[value.name.value]
        else:
            condition = value.value if isinstance(value, BooleanValueNode) else None
        if condition is None:
            self.unplannable_part = self.unplannable_part or f"@{directive.name.value} of null"
        return condition

    def _type_condition_matches(self, condition: str, type_: GraphQLObjectType) -> bool:
        if condition == type_.name:
            return True
        conditional = self._schema.get_type(condition)
        return is_abstract_type(conditional) and self._schema.is_sub_type(conditional, type_)


def _describe_place(shape: Shape) -> str:
    """The path of the shape in the answer, for errors."""
    keys: list[str] = []
    parent = shape.parent
    while parent is not None:
        keys.append(parent.key)
        parent = parent.parent.parent
    return ".".join(reversed(keys))


def _group_batch_fields(shape: Shape) -> tuple[tuple[PlanField, ...], ...]:
    """The batch fields of a shape; fields with the same batch, facet, key and guard form one group."""
    groups: dict[object, list[PlanField]] = {}
    for planned in shape.fields:
        if isinstance(planned.kind, BatchField):
            edge = planned.kind.edge
            group_key = (
                (edge.batch, edge.facet, edge.key_attribute, id(planned.guard))
                if edge.key_attribute and not edge.has_many_keys and not planned.graphql_field.args
                else planned
            )
            groups.setdefault(group_key, []).append(planned)
    return tuple(tuple(each) for each in groups.values())


def get_record_class(type_: GraphQLObjectType) -> type[Any] | None:
    """The record class of every object of the type, if its definition names it."""
    definition = type_.extensions.get(DEFINITION)
    publication = getattr(getattr(definition, "origin", None), "__publication__", None)
    record = getattr(publication, "record", None)
    return record if isinstance(record, type) else None


def _get_only_shape(named: GraphQLNamedType, shapes: Mapping[str, Shape]) -> Shape | None:
    shape = next(iter(shapes.values()), None)
    if is_abstract_type(named) or shape is None or shape.record is None:
        return None
    return shape


def _is_innermost_non_null(type_: GraphQLOutputType) -> bool:
    inner: Any = type_
    while is_list_type(get_nullable_type(inner)):
        inner = get_nullable_type(inner).of_type
    return is_non_null_type(inner)


def get_list_depth(type_: GraphQLOutputType) -> int:
    """The number of nested lists around a type."""
    depth = 0
    inner: Any = get_nullable_type(type_)
    while is_list_type(inner):
        depth += 1
        inner = get_nullable_type(inner.of_type)
    return depth
