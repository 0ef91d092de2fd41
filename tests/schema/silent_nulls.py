"""Finds nulls that a client of `@semanticNonNull` does not expect: without an error of the same path."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_non_null_type,
)
from strawberry import UNSET
from strawberry.schema.schema_converter import GraphQLCoreConverter

from schema.declarations.semantic_nullability import SemanticNonNullDirective

Path = tuple[str | int, ...]


def get_definition(field: GraphQLField) -> object:
    """The declared field behind a field of the graph."""
    return field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)


def get_levels(field: GraphQLField) -> Sequence[int]:
    """The levels of a field's type that its directive names."""
    for each in getattr(get_definition(field), "directives", ()):
        if isinstance(each, SemanticNonNullDirective):
            return (0,) if each.levels is UNSET else each.levels
    return ()


def find_silent_nulls(
    schema: GraphQLSchema, document: DocumentNode, data: Mapping[str, Any] | None, failed: Collection[Path]
) -> Sequence[Path]:
    """The paths of nulls that are no errors, although their field is null only with an error."""
    operation = next(each for each in document.definitions if isinstance(each, OperationDefinitionNode))
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    walk = _Walk(schema, fragments, failed)
    root = schema.get_root_type(operation.operation)
    return [] if data is None else list(walk.list_in_object(data, [(root, operation.selection_set)], ()))


@dataclass(frozen=True)
class _AnswerKey:
    """A key of an object of the answer."""

    levels: frozenset[int]
    """The levels of its type that are never null without an error."""
    below: Sequence[tuple[Any, SelectionSetNode]]
    """The types and selections of the objects in it."""


class _Walk:
    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], failed: Collection[Path]
    ) -> None:
        self._schema, self._fragments, self._failed = schema, fragments, failed

    def list_in_object(
        self, data: Mapping[str, Any], selections: Sequence[tuple[Any, SelectionSetNode]], path: Path
    ) -> Iterator[Path]:
        by_key: dict[str, list[tuple[GraphQLField, FieldNode]]] = {}
        for type_, selection in selections:
            self._collect(type_, selection, by_key)
        for key, fields in by_key.items():
            if key in data:
                # Fields of different types can have one key: only what holds for all of them is expected.
                levels = frozenset.intersection(*(frozenset(_list_levels(field)) for field, _ in fields))
                below = [
                    (get_named_type(field.type), node.selection_set)
                    for field, node in fields
                    if node.selection_set is not None
                ]
                place = _AnswerKey(levels, below)
                yield from self._list_in_value(data[key], place, (*path, key))

    def _list_in_value(self, value: object, place: _AnswerKey, path: Path, level: int = 0) -> Iterator[Path]:
        if value is None and level in place.levels and path not in self._failed:
            yield path
        elif isinstance(value, list):
            for index, each in enumerate(value):
                yield from self._list_in_value(each, place, (*path, index), level + 1)
        elif isinstance(value, dict) and place.below:
            yield from self.list_in_object(value, place.below, path)

    def _collect(
        self,
        type_: Any,  # noqa: ANN401 - any composite type
        selection: SelectionSetNode,
        found: dict[str, list[tuple[GraphQLField, FieldNode]]],
    ) -> None:
        for each in selection.selections:
            if isinstance(each, FieldNode):
                field = getattr(type_, "fields", {}).get(each.name.value)
                if field is not None:
                    found.setdefault((each.alias or each.name).value, []).append((field, each))
            elif isinstance(each, InlineFragmentNode):
                condition = each.type_condition
                inner = type_ if condition is None else self._schema.type_map[condition.name.value]
                self._collect(inner, each.selection_set, found)
            elif isinstance(each, FragmentSpreadNode):
                fragment = self._fragments[each.name.value]
                self._collect(self._schema.type_map[fragment.type_condition.name.value], fragment.selection_set, found)


def _list_levels(field: GraphQLField) -> Iterator[int]:
    """The levels that are never null without an error, by their type or by the directive."""
    yield from get_levels(field)
    type_: Any = field.type
    level = 0
    while True:
        if is_non_null_type(type_):
            yield level
        type_ = get_nullable_type(type_)
        if not is_list_type(type_):
            return
        type_, level = type_.of_type, level + 1
