"""Everything that the graph can reach about a person: where they fetch it, and the operations it is made of.

The operations are made of the finished schema: one for each field of `Citizen` that leads elsewhere, and one for the
rest, each with every field that the person themself may read. A new domain is in it by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter

from auth.rules import Rule
from records.exports import Export
from schema.fields import EdgeField, PublishedField
from schema.guards import Guard
from schema.publishing import publishes
from schema.relay import MOST_PER_PAGE

IDENTITY = "identity"
"""The part that holds the person's own attributes."""
_PERSON = "Citizen"
_LEFT_OUT = {
    "Citizen.export": "leads to this very document",
    "Citizen.consentRequest": "is found by whoever holds its id, as it came from the partner, and by no list",
}
"""Fields of `Citizen` that are no part, and why."""


@publishes(Export, rule=Rule.SELF, subject="subject", shows=("url", "parts"))
class ExportType:
    """An export in the graph."""


class Unexportable(Exception):  # noqa: N818 - reads as what it is
    """A field could not be told whole; the text names it and the mend. The hub does not start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPart:
    """A part of an export: one operation about `me`."""

    name: str
    """The field of `Citizen` that it holds, or `identity`."""
    says: str
    """What it holds, in a sentence."""
    document: str
    pages: bool = False
    """Whether it is read page by page, by the variable `$after`."""

    @property
    def is_identity(self) -> bool:
        """Whether it holds the person's own attributes, and not those behind one field."""
        return self.name == IDENTITY


def export_parts(schema: GraphQLSchema) -> Sequence[ExportPart]:
    """The parts of an export; raises `Unexportable`.

    Other people are never followed into, so there are no circles; neither is what is public and leads on.
    """
    person = schema.type_map[_PERSON]
    if not isinstance(person, GraphQLObjectType):
        raise TypeError(f"{_PERSON} is no object type.")
    readable = {name: field for name, field in person.fields.items() if _is_readable(field)}
    leaves = [name for name, field in readable.items() if is_leaf_type(get_named_type(field.type))]
    parts = [_part(IDENTITY, "Who you are to the city.", " ".join(leaves))]
    for name, field in readable.items():
        if name in leaves or f"{_PERSON}.{name}" in _LEFT_OUT:
            continue
        inner = get_named_type(field.type)
        says = (field.description or "").partition("\n")[0]
        _refuse_arguments(field, f"{_PERSON}.{name}")
        if _item_of(inner) is not None:
            parts.append(_pages(name, says, _selection(_item_of(inner), (_PERSON,), name)))
        else:
            parts.append(_part(name, says, f"{name} {_selection(inner, (_PERSON,), name)}"))
    return parts


def _part(name: str, says: str, selection: str) -> ExportPart:
    return ExportPart(name=name, says=says, document=f"query {_operation(name)} {{ me {{ {selection} }} }}")


def _pages(name: str, says: str, selection: str) -> ExportPart:
    page = f"{name}(first: {MOST_PER_PAGE}, after: $after) {{ nodes {selection} pageInfo {{ hasNextPage endCursor }} }}"
    document = f"query {_operation(name)}($after: String) {{ me {{ {page} }} }}"
    return ExportPart(name=name, says=says, document=document, pages=True)


def _operation(name: str) -> str:
    """How the access ledger calls the reading of a part."""
    return f"Export{name[0].upper()}{name[1:]}"


def _selection(type_: GraphQLNamedType | None, path: tuple[str, ...], where: str) -> str:
    """Every field of an object that the person may read, to the end."""
    if not isinstance(type_, GraphQLObjectType):
        raise Unexportable(f"{where} leads to {type_}, which is no object type; teach exports to read it.")
    chosen = list(_chosen(type_, (*path, type_.name), where))
    if not chosen:
        raise Unexportable(f"{where} has no field that the person may read; show one, or make it unreadable for them.")
    return f"{{ {' '.join(chosen)} }}"


def _chosen(type_: GraphQLObjectType, path: tuple[str, ...], where: str) -> Iterator[str]:
    everybodys = all(_is_public(field) for field in type_.fields.values())
    for name, field in type_.fields.items():
        inner = get_named_type(field.type)
        place = f"{where}.{name}"
        leads_on = everybodys and isinstance(_definition(field), EdgeField)
        if not _is_readable(field) or leads_on or inner.name in path:
            continue
        if _item_of(inner) is not None:
            raise Unexportable(f"{place} is a list in pages inside another part; lead to it from {_PERSON}, too.")
        _refuse_arguments(field, place)
        yield name if is_leaf_type(inner) else f"{name} {_selection(inner, path, place)}"


def _refuse_arguments(field: GraphQLField, place: str) -> None:
    needed = [name for name, argument in field.args.items() if is_required_argument(argument)]
    if needed:
        raise Unexportable(f"{place} needs the argument '{needed[0]}'; give it a default that leaves nothing out.")


def _item_of(type_: GraphQLNamedType) -> GraphQLNamedType | None:
    """What a connection is a list of; None for what is no connection."""
    if not isinstance(type_, GraphQLObjectType) or not {"nodes", "pageInfo"} <= type_.fields.keys():
        return None
    item: GraphQLNamedType = get_named_type(type_.fields["nodes"].type)
    return item


def _definition(field: GraphQLField) -> object:
    return field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)


def _guard(field: GraphQLField) -> Guard | None:
    definition = _definition(field)
    guard = definition.engine_guard() if isinstance(definition, PublishedField) else None
    return guard if isinstance(guard, Guard) else None


def _is_public(field: GraphQLField) -> bool:
    guard = _guard(field)
    return guard is not None and guard.is_public


def _is_readable(field: GraphQLField) -> bool:
    """Whether a person may read it in what is about them."""
    guard = _guard(field)
    return guard is not None and (guard.is_public or Rule.SELF in guard.access.rule)
