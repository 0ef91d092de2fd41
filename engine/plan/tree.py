"""The tree of a plan: which fields are answered for which type, at which place of the answer.

Fragments are spread, fields with the same response key merged, and `@include` and `@skip` decided (GraphQL
specification, section 6.3.2 "Field Collection"): a plan is compiled for one set of values of those conditions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLAbstractType,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

from engine.kinds import Guarding, Kind, Leads, PlannedField

DEFINITION = "strawberry-definition"
"""Where the schema library keeps a field's definition."""


_MOST_FIELDS = 10_000


Answering = Callable[[Any, Sequence[Any]], list[dict[str, Any]]]
"""From (run, records) to their answers, in which only scalars and enums at hand are filled in."""


class NotPlannable(Exception):  # noqa: N818 - reads as what it is
    """The operation holds something that only graphql-core runs."""


@dataclass(eq=False, slots=True)
class PlanField:
    """One field at one place of the answer."""

    key: str
    nodes: tuple[FieldNode, ...]
    parent: Shape
    definition: PlannedField
    graphql: GraphQLField
    type: GraphQLOutputType
    kind: Kind
    guard: Guarding
    number: int
    depth: int
    """How many lists its value is wrapped in."""
    shapes: dict[str, Shape] = field(default_factory=dict)
    """What is selected of its value, for each object type it can be of; empty for scalars and enums."""
    only: Shape | None = None
    """The shape of all of its objects, where they are of one type and the schema names their class."""
    object_non_null: bool = False
    """Whether the objects themselves, inside all lists, can never be null."""
    complete: Callable[[Any], Any] | None = None
    """For scalars and enums: from a value to what the answer holds; raises for what cannot be one."""

    @property
    def is_leaf(self) -> bool:
        """Whether its value is a scalar or enum, or lists of such."""
        return not self.shapes

    @property
    def non_null(self) -> bool:
        """Whether it can never be null."""
        return is_non_null_type(self.type)

    @property
    def name(self) -> str:
        """Type and field, as errors name it."""
        return f"{self.parent.type.name}.{self.nodes[0].name.value}"

    def __repr__(self) -> str:
        """Response key and schema coordinate."""
        return f"<PlanField {self.key}: {self.name}>"


@dataclass(eq=False, slots=True)
class Shape:
    """What is selected of an object of one type, at one place of the answer."""

    number: int
    record: type[Any] | None
    """The class its objects have, where the schema says so."""
    parent: PlanField | None
    type: GraphQLObjectType
    fields: list[PlanField] = field(default_factory=list)
    typenames: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    """Every response key in order, `__typename` included."""
    function: Answering | None = None
    """Answers its records; replaced once it is compiled."""
    nested: tuple[PlanField, ...] = ()
    """Fields whose value, a record or records, is at hand."""
    groups: tuple[tuple[PlanField, ...], ...] = ()
    """Fields that lead elsewhere; what is asked together stands together."""

    def __repr__(self) -> str:
        """Type and number."""
        return f"<Shape {self.number} of {self.type.name}>"


Flags = Mapping[str, bool]


def conditions(document: DocumentNode, operation: OperationDefinitionNode) -> tuple[str, ...]:
    """The variables that decide about `@include` and `@skip`; a plan is compiled for each set of their values."""
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


class Planter:
    """Grows the tree of one operation."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, flags: Flags) -> None:
        """Read fragments from the document; `flags` are the values of its conditions."""
        self._schema = schema
        self._flags = flags
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self.fields: list[PlanField] = []
        self.shapes: list[Shape] = []

    def root(self, type_: GraphQLObjectType, operation: OperationDefinitionNode) -> Shape:
        """The tree of the operation; raises `NotPlannable`."""
        return self._shape(type_, None, [operation.selection_set])

    def _shape(
        self, type_: GraphQLObjectType, parent: PlanField | None, selections: Sequence[SelectionSetNode]
    ) -> Shape:
        shape = Shape(number=len(self.shapes), record=record_of(type_), parent=parent, type=type_)
        self.shapes.append(shape)
        for key, nodes in self._collected(type_, selections).items():
            shape.keys.append(key)
            if nodes[0].name.value == "__typename":
                shape.typenames.append(key)
            else:
                shape.fields.append(self._field(shape, key, nodes))
        shape.nested = tuple(each for each in shape.fields if not each.is_leaf and not isinstance(each.kind, Leads))
        shape.groups = _groups_of(shape)
        return shape

    def _field(self, shape: Shape, key: str, nodes: Sequence[FieldNode]) -> PlanField:
        graphql = shape.type.fields.get(nodes[0].name.value)
        definition = graphql.extensions.get(DEFINITION) if graphql else None
        if graphql is None or not isinstance(definition, PlannedField):
            raise NotPlannable(f"{shape.type.name}.{nodes[0].name.value}")
        planned = PlanField(
            key=key,
            nodes=tuple(nodes),
            parent=shape,
            definition=definition,
            graphql=graphql,
            type=graphql.type,
            kind=definition.engine_kind(),
            guard=definition.engine_guard(),
            number=len(self.fields),
            depth=list_depth(graphql.type),
        )
        self.fields.append(planned)
        if len(self.fields) > _MOST_FIELDS:  # interfaces inside interfaces multiply: each type has fields of its own
            raise NotPlannable(f"more than {_MOST_FIELDS} fields")
        named = get_named_type(graphql.type)
        if not is_leaf_type(named):
            selections = [node.selection_set for node in nodes if node.selection_set is not None]
            for type_ in self._possible(named):
                planned.shapes[type_.name] = self._shape(type_, planned, selections)
            planned.only = _only(named, planned.shapes)
            planned.object_non_null = _innermost_non_null(graphql.type)
        return planned

    def _possible(self, named: GraphQLNamedType) -> Sequence[GraphQLObjectType]:
        if is_abstract_type(named):
            abstract: GraphQLAbstractType = named
            possible = self._schema.get_possible_types(abstract)
            if not possible:
                raise NotPlannable(f"{named.name}, which nothing can be")
            return possible
        if isinstance(named, GraphQLObjectType):
            return (named,)
        raise NotPlannable(named.name)

    def _collected(
        self, type_: GraphQLObjectType, selections: Sequence[SelectionSetNode]
    ) -> dict[str, list[FieldNode]]:
        grouped: dict[str, list[FieldNode]] = {}
        visited: set[str] = set()
        for each in selections:
            for node in self._spread(type_, each, visited):
                grouped.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
        return grouped

    def _spread(self, type_: GraphQLObjectType, selections: SelectionSetNode, visited: set[str]) -> Iterator[FieldNode]:
        for selection in selections.selections:
            if not self._included(selection.directives or ()):
                continue
            if isinstance(selection, FieldNode):
                yield selection
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                if condition is None or self._applies(condition.name.value, type_):
                    yield from self._spread(type_, selection.selection_set, visited)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in visited:
                visited.add(selection.name.value)
                fragment = self._fragments[selection.name.value]
                if self._applies(fragment.type_condition.name.value, type_):
                    yield from self._spread(type_, fragment.selection_set, visited)

    def _included(self, directives: Sequence[DirectiveNode]) -> bool:
        for directive in directives:
            name = directive.name.value
            if name in ("include", "skip"):
                value = self._condition(directive)
                if value is (name == "skip"):
                    return False
            elif name in ("defer", "stream"):
                raise NotPlannable(f"@{name}")
        return True

    def _condition(self, directive: DirectiveNode) -> bool:
        (argument,) = directive.arguments or ()
        value = argument.value
        if isinstance(value, VariableNode):
            return self._flags[value.name.value]
        if isinstance(value, BooleanValueNode):
            return value.value
        raise NotPlannable("a condition that is neither a variable nor a literal")

    def _applies(self, condition: str, type_: GraphQLObjectType) -> bool:
        if condition == type_.name:
            return True
        conditional = self._schema.get_type(condition)
        return is_abstract_type(conditional) and self._schema.is_sub_type(conditional, type_)


def _groups_of(shape: Shape) -> tuple[tuple[PlanField, ...], ...]:
    """The fields of a shape that lead elsewhere; those that want facets by the same key stand together."""
    groups: dict[object, list[PlanField]] = {}
    for planned in shape.fields:
        if isinstance(planned.kind, Leads):
            edge = planned.kind.edge
            together = (
                (edge.batch, edge.facet, edge.by, id(planned.guard))
                if edge.by and not edge.many and not planned.graphql.args
                else planned
            )
            groups.setdefault(together, []).append(planned)
    return tuple(tuple(each) for each in groups.values())


def record_of(type_: GraphQLObjectType) -> type[Any] | None:
    """The class that every object of the type has, where its definition says so."""
    definition = type_.extensions.get(DEFINITION)
    publication = getattr(getattr(definition, "origin", None), "__publication__", None)
    record = getattr(publication, "record", None)
    return record if isinstance(record, type) else None


def _only(named: GraphQLNamedType, shapes: Mapping[str, Shape]) -> Shape | None:
    shape = next(iter(shapes.values()), None)
    if is_abstract_type(named) or shape is None or shape.record is None:
        return None
    return shape


def _innermost_non_null(type_: GraphQLOutputType) -> bool:
    inner: Any = type_
    while is_list_type(get_nullable_type(inner)):
        inner = get_nullable_type(inner).of_type
    return is_non_null_type(inner)


def list_depth(type_: GraphQLOutputType) -> int:
    """How many lists a type is wrapped in."""
    depth = 0
    inner: Any = get_nullable_type(type_)
    while is_list_type(inner):
        depth += 1
        inner = get_nullable_type(inner.of_type)
    return depth
