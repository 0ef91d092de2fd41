"""The parts of an export: the operations that read everything the graph can reach about a person.

They are made of the finished schema: one for each field of `Citizen` that leads elsewhere, and one for the
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

from auth.policy.rules import Rule
from schema.declarations.fields import EdgeField, PublishedField
from schema.declarations.guards import Guard
from schema.declarations.relay import MAX_PAGE_SIZE

IDENTITY = "identity"
"""The part that holds the person's own attributes."""
_PERSON = "Citizen"
_EXCLUDED_FIELDS = {
    "Citizen.export": "leads to this very document",
    "Citizen.consentRequest": "is found by whoever holds its id, as it came from the partner, and by no list",
}
"""Fields of `Citizen` that are no part, and why."""


class Unexportable(Exception):  # noqa: N818 - reads as what it is
    """A field could not be told whole; the text names it and the mend. The hub does not start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPart:
    """A part of an export: one operation about `me`."""

    name: str
    """The field of `Citizen` that it holds, or `identity`."""
    description: str
    """What it holds, in a sentence."""
    document: str
    is_paged: bool = False
    """Whether it is read page by page, by the variable `$after`."""

    @property
    def is_identity(self) -> bool:
        """Whether it holds the person's own attributes, and not those behind one field."""
        return self.name == IDENTITY


def build_export_parts(schema: GraphQLSchema) -> Sequence[ExportPart]:
    """The parts of an export; raises `Unexportable`.

    Other people are never followed into, so there are no circles; neither is what is public and leads on.
    """
    person = schema.type_map[_PERSON]
    if not isinstance(person, GraphQLObjectType):
        raise TypeError(f"{_PERSON} is no object type.")
    readable = {name: field for name, field in person.fields.items() if _is_readable(field)}
    leaves = [name for name, field in readable.items() if is_leaf_type(get_named_type(field.type))]
    parts = [_build_part(IDENTITY, "Who you are to the city.", " ".join(leaves))]
    for name, field in readable.items():
        if name in leaves or f"{_PERSON}.{name}" in _EXCLUDED_FIELDS:
            continue
        inner = get_named_type(field.type)
        says = (field.description or "").partition("\n")[0]
        _require_no_arguments(field, f"{_PERSON}.{name}")
        if _get_item_type(inner) is not None:
            parts.append(_build_paged_part(name, says, _build_selection(_get_item_type(inner), (_PERSON,), name)))
        else:
            parts.append(_build_part(name, says, f"{name} {_build_selection(inner, (_PERSON,), name)}"))
    return parts


def _build_part(name: str, description: str, selection: str) -> ExportPart:
    return ExportPart(
        name=name, description=description, document=f"query {_get_operation_name(name)} {{ me {{ {selection} }} }}"
    )


def _build_paged_part(name: str, description: str, selection: str) -> ExportPart:
    page = f"{name}(first: {MAX_PAGE_SIZE}, after: $after) {{ nodes {selection} pageInfo {{ hasNextPage endCursor }} }}"
    document = f"query {_get_operation_name(name)}($after: String) {{ me {{ {page} }} }}"
    return ExportPart(name=name, description=description, document=document, is_paged=True)


def _get_operation_name(name: str) -> str:
    """How the access ledger calls the reading of a part."""
    return f"Export{name[0].upper()}{name[1:]}"


def _build_selection(type_: GraphQLNamedType | None, path: tuple[str, ...], where: str) -> str:
    """Every field of an object that the person may read, to the end."""
    if not isinstance(type_, GraphQLObjectType):
        raise Unexportable(f"{where} leads to {type_}, which is no object type; teach exports to read it.")
    chosen = list(_select_fields(type_, (*path, type_.name), where))
    if not chosen:
        raise Unexportable(f"{where} has no field that the person may read; show one, or make it unreadable for them.")
    return f"{{ {' '.join(chosen)} }}"


def _select_fields(type_: GraphQLObjectType, path: tuple[str, ...], where: str) -> Iterator[str]:
    everybodys = all(_is_public(field) for field in type_.fields.values())
    for name, field in type_.fields.items():
        inner = get_named_type(field.type)
        place = f"{where}.{name}"
        leads_on = everybodys and isinstance(_get_definition(field), EdgeField)
        if not _is_readable(field) or leads_on or inner.name in path:
            continue
        if _get_item_type(inner) is not None:
            raise Unexportable(f"{place} is a list in pages inside another part; lead to it from {_PERSON}, too.")
        _require_no_arguments(field, place)
        yield name if is_leaf_type(inner) else f"{name} {_build_selection(inner, path, place)}"


def _require_no_arguments(field: GraphQLField, place: str) -> None:
    needed = [name for name, argument in field.args.items() if is_required_argument(argument)]
    if needed:
        raise Unexportable(f"{place} needs the argument '{needed[0]}'; give it a default that leaves nothing out.")


def _get_item_type(type_: GraphQLNamedType) -> GraphQLNamedType | None:
    """What a connection is a list of; None for what is no connection."""
    if not isinstance(type_, GraphQLObjectType) or not {"nodes", "pageInfo"} <= type_.fields.keys():
        return None
    item: GraphQLNamedType = get_named_type(type_.fields["nodes"].type)
    return item


def _get_definition(field: GraphQLField) -> object:
    return field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)


def _get_guard(field: GraphQLField) -> Guard | None:
    definition = _get_definition(field)
    guard = definition.engine_guard() if isinstance(definition, PublishedField) else None
    return guard if isinstance(guard, Guard) else None


def _is_public(field: GraphQLField) -> bool:
    guard = _get_guard(field)
    return guard is not None and guard.is_public


def _is_readable(field: GraphQLField) -> bool:
    """Whether a person may read it in what is about them."""
    guard = _get_guard(field)
    return guard is not None and (guard.is_public or Rule.SELF in guard.access.rule)
