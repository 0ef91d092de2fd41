"""What the operations of the catalogue of services mean in the graph of this hub."""

from __future__ import annotations

from collections.abc import Iterator

from graphql import FieldNode, GraphQLError, GraphQLSchema, OperationDefinitionNode, SelectionSetNode, parse, validate

_PERSON = "me"


def is_offered(schema: GraphQLSchema, operation: str) -> bool:
    """Whether an operation is valid in the graph. It may be not, where the city has no agency for its fields."""
    try:
        return not validate(schema, parse(operation))
    except GraphQLError:
        return False


def find_marks(operation: str) -> frozenset[str]:
    """The schema coordinates that mark a use of the operation: its root fields, or what it reads of `me`.

    Of a person, attributes such as the name are part of most operations, and mark none that reads more.
    """
    found: set[str] = set()
    try:
        definitions = parse(operation).definitions
    except GraphQLError:
        return frozenset()
    for definition in definitions:
        if isinstance(definition, OperationDefinitionNode):
            for each in _list_fields(definition.selection_set):
                if each.name.value == _PERSON:
                    own = list(_list_fields(each.selection_set))
                    wanted = [field for field in own if field.selection_set] or own
                    found.update(f"Citizen.{field.name.value}" for field in wanted)
                else:
                    found.add(f"{definition.operation.value.capitalize()}.{each.name.value}")
    return frozenset(found)


def _list_fields(selections: SelectionSetNode | None) -> Iterator[FieldNode]:
    for each in () if selections is None else selections.selections:
        if isinstance(each, FieldNode):
            yield each
