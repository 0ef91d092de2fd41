"""The parts of an export: the operations that read all data about a person in the graph.

They are derived from the finished schema, so a new domain is included automatically: one part for each field of
`Citizen` that leads to another type, and one for its scalars. Each selects every field that the person may read.
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
from schema.tools.document_fields import choose_agencies

IDENTITY = "identity"
"""The part that holds the person's own attributes."""
_PERSON = "Citizen"
_EXCLUDED_FIELDS = {
    "Citizen.export": "leads to this export",
    "Citizen.consentRequest": "needs an id that the partner gave to the person; there is no list of requests",
    "Citizen.services": "describes the city, and follows from other parts",
    "Case.subject": "leads to the records of other parts",
}
"""Fields that the export omits, and why."""


class Unexportable(Exception):  # noqa: N818 - reads as what it is
    """A field cannot be exported completely. The text names the field and the fix; the hub does not start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPart:
    """A part of an export: one operation about `me`."""

    name: str
    """The field of `Citizen` that it holds, or `identity`."""
    description: str
    """Its content, in one sentence."""
    document: str
    is_paged: bool = False
    """Whether it is read in pages, by the variable `$after`."""

    @property
    def is_identity(self) -> bool:
        """Whether this is the part with the person's own attributes."""
        return self.name == IDENTITY


def build_export_parts(schema: GraphQLSchema) -> Sequence[ExportPart]:
    """Builds the parts of an export. Raises `Unexportable`.

    Selections do not enter other people, so there are no cycles, and do not follow edges of public types.
    """
    person = schema.type_map[_PERSON]
    if not isinstance(person, GraphQLObjectType):
        raise TypeError(f"{_PERSON} is not an object type.")
    own = {name: each for name, each in person.fields.items() if get_named_type(each.type) is not person}
    readable = {name: field for name, field in own.items() if _is_readable(field)}
    leaves = [name for name, field in readable.items() if is_leaf_type(get_named_type(field.type))]
    parts = [_build_part(IDENTITY, "Your identity in the city's registers.", " ".join(leaves))]
    for name, field in readable.items():
        if name in leaves or f"{_PERSON}.{name}" in _EXCLUDED_FIELDS:
            continue
        inner = get_named_type(field.type)
        says = (field.description or "").partition("\n")[0]
        _require_no_arguments(field, f"{_PERSON}.{name}")
        if _get_item_type(inner) is not None:
            parts.append(_build_paged_part(name, says, _build_selection(_get_item_type(inner), (_PERSON,), name)))
        else:
            parts.append(
                _build_part(name, says, f"{name}{choose_agencies(field)} {_build_selection(inner, (_PERSON,), name)}")
            )
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
    """Returns the operation name that the access ledger records for a part."""
    return f"Export{name[0].upper()}{name[1:]}"


def _build_selection(type_: GraphQLNamedType | None, path: tuple[str, ...], where: str) -> str:
    """Builds the selection of every field of an object that the person may read, at all depths."""
    if not isinstance(type_, GraphQLObjectType):
        raise Unexportable(f"{where} leads to {type_}, which is not an object type; extend the export to read it.")
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
        is_excluded = f"{type_.name}.{name}" in _EXCLUDED_FIELDS
        if not _is_readable(field) or leads_on or is_excluded or inner.name in path:
            continue
        if _get_item_type(inner) is not None:
            raise Unexportable(
                f"{place} is a connection inside another part; also add a field to {_PERSON} that leads to it."
            )
        _require_no_arguments(field, place)
        yield name if is_leaf_type(inner) else f"{name} {_build_selection(inner, path, place)}"


def _require_no_arguments(field: GraphQLField, place: str) -> None:
    needed = [name for name, argument in field.args.items() if is_required_argument(argument)]
    if needed:
        raise Unexportable(f"{place} needs the argument '{needed[0]}'; give it a default that omits nothing.")


def _get_item_type(type_: GraphQLNamedType) -> GraphQLNamedType | None:
    """Returns the item type of a connection; None for other types."""
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
    """Whether a person may read the field in their own records."""
    guard = _get_guard(field)
    return guard is not None and (guard.is_public or Rule.SELF in guard.access.rules)
