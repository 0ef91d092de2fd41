"""The fields of a document, for pages that render its response without knowledge of the graph's types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    REMOVE,
    ArgumentNode,
    EnumValueNode,
    FieldNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    NameNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    is_leaf_type,
    parse,
    print_ast,
    visit,
)

from schema.declarations.routed_fields import AGENCIES_ARGUMENT, AgencyChoice

_ALL_AGENCIES = ArgumentNode(name=NameNode(value=AGENCIES_ARGUMENT), value=EnumValueNode(value=AgencyChoice.ALL.name))

DocumentFields = Mapping[tuple[str, ...], "DocumentField"]
"""The fields of a response, by their path of response names without list indexes, in the document's order."""
DocumentDescriber = Callable[[str], DocumentFields]
"""From a valid document to its fields."""


@dataclass(frozen=True, slots=True)
class DocumentField:
    """One field of a response."""

    coordinate: str
    """`Type.field`: its schema coordinate."""
    type: str
    """The name of its type, without lists."""
    is_leaf: bool


def list_coordinates(schema: GraphQLSchema) -> frozenset[str]:
    """The coordinates of all fields of object types."""
    return frozenset(
        f"{name}.{field}"
        for name, type_ in schema.type_map.items()
        if isinstance(type_, GraphQLObjectType)
        for field in type_.fields
    )


@dataclass(frozen=True, slots=True)
class GraphDocuments:
    """The documents of pages, for one graph."""

    schema: GraphQLSchema

    def describe(self, document: str) -> DocumentFields:
        """List the fields of a valid document."""
        return list_document_fields(self.schema, document)

    def has_mutation(self, name: str) -> bool:
        """Whether the graph has a mutation."""
        mutation = self.schema.mutation_type
        return mutation is not None and name in mutation.fields

    def fit(self, document: str) -> str:
        """Fit a document to the graph."""
        return fit_document(self.schema, document)


def fit_document(schema: GraphQLSchema, document: str) -> str:
    """The document without the fields that the schema does not have, and with all agencies where several may answer."""
    info = TypeInfo(schema)

    class _FieldFitter(Visitor):
        def enter_inline_fragment(self, node: InlineFragmentNode, *_: Any) -> Any:  # noqa: ANN401 - as below
            condition = node.type_condition
            return REMOVE if condition is not None and condition.name.value not in schema.type_map else None

        def enter_field(self, node: FieldNode, *_: Any) -> Any:  # noqa: ANN401 - the visitor's signature
            field = info.get_field_def()
            if field is None:
                return REMOVE
            if not choose_agencies(field) or node.arguments:
                return None
            return FieldNode(
                alias=node.alias,
                name=node.name,
                arguments=(_ALL_AGENCIES,),
                directives=node.directives,
                selection_set=node.selection_set,
            )

    return print_ast(visit(parse(document), TypeInfoVisitor(info, _FieldFitter())))


def choose_agencies(field: GraphQLField) -> str:
    """The arguments with which a field is complete, as GraphQL: all agencies, if several may answer."""
    return f"({print_ast(_ALL_AGENCIES)})" if AGENCIES_ARGUMENT in field.args else ""


def list_document_fields(schema: GraphQLSchema, document: str) -> DocumentFields:
    """Lists the fields of a document without fragments."""
    collected = _FieldCollector(TypeInfo(schema))
    visit(parse(document), TypeInfoVisitor(collected.info, collected))
    return collected.found


class _FieldCollector(Visitor):
    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self.info = info
        self.found: dict[tuple[str, ...], DocumentField] = {}
        self._path: list[str] = []

    def enter_field(self, node: FieldNode, *_: Any) -> None:  # noqa: ANN401 - the visitor's signature
        self._path.append(node.alias.value if node.alias else node.name.value)
        parent, type_ = self.info.get_parent_type(), self.info.get_type()
        if parent is None or type_ is None:
            raise ValueError("The document does not match the schema.")
        named = get_named_type(type_)
        coordinate = f"{parent.name}.{node.name.value}"
        self.found[tuple(self._path)] = DocumentField(coordinate, named.name, is_leaf_type(named))

    def leave_field(self, *_: Any) -> None:  # noqa: ANN401 - the visitor's signature
        self._path.pop()
