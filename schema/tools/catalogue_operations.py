"""What the operations of the catalogue of services mean in the graph of this hub."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graphql import (
    FieldNode,
    GraphQLCompositeType,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_composite_type,
    parse,
    validate,
)

_PERSON = "me"


def find_marks(schema: GraphQLSchema, operation: str) -> frozenset[str]:
    """The schema coordinates that mark a use of the operation: its root fields, or what it reads of `me`.

    Of a person, attributes such as the name are part of most operations, and mark none that reads more. Empty: the
    graph lacks a field of the operation, because the city has no agency for it. Arguments are not checked: validation
    takes ten times as long, and each process looks at all services when it starts (`find_faults`).
    """
    try:
        (definition,) = parse(operation, no_location=True).definitions
    except (GraphQLError, ValueError):
        return frozenset()
    if not isinstance(definition, OperationDefinitionNode):
        return frozenset()
    root = schema.get_root_type(definition.operation)
    if root is None or not _has_fields(schema, root, definition.selection_set):
        return frozenset()
    found: set[str] = set()
    for each in _list_fields(definition.selection_set):
        if each.name.value == _PERSON:
            own = list(_list_fields(each.selection_set))
            wanted = [field for field in own if field.selection_set] or own
            found.update(f"Citizen.{field.name.value}" for field in wanted)
        else:
            found.add(f"{root.name}.{each.name.value}")
    return frozenset(found)


def find_faults(schema: GraphQLSchema, operation: str) -> Sequence[str]:
    """Why the graph refuses an operation, or why no use of it can be counted: it has fragments."""
    try:
        faults = validate(schema, parse(operation))
    except GraphQLError as error:
        return [error.message]
    if not faults and not find_marks(schema, operation):
        return ["A service has one operation without fragments."]
    return [each.message for each in faults]


def _has_fields(schema: GraphQLSchema, parent: GraphQLCompositeType, selections: SelectionSetNode | None) -> bool:
    for each in () if selections is None else selections.selections:
        if not isinstance(each, FieldNode) or (field := schema.get_field(parent, each.name.value)) is None:
            return False
        named = get_named_type(field.type)
        if is_composite_type(named) and not _has_fields(schema, named, each.selection_set):
            return False
    return True


def _list_fields(selections: SelectionSetNode | None) -> Iterator[FieldNode]:
    for each in () if selections is None else selections.selections:
        if isinstance(each, FieldNode):
            yield each
