"""Builds the schema from the roots and the published types, and checks its rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import strawberry
from graphql import GraphQLNamedType, GraphQLSchema, get_named_type
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from auth.policy.rules import to_access
from engine.agencies.agency_codes import ANY_AGENCIES, AgencyCodes, set_agency_codes
from engine.batch import Batch
from records.purposes import Purpose
from schema import types as types_of_the_graph
from schema.declarations.additions import (
    NO_ADDED_FIELDS,
    AddedFields,
    build_added_fields,
    find_mutations,
    find_node_types,
    find_root_fields,
    import_types,
)
from schema.declarations.computed_fields import UnionField
from schema.declarations.fields import ArgumentConversion, EdgeField, PublishedField
from schema.declarations.guards import Guard
from schema.declarations.nodes import build_node_fields
from schema.declarations.publishing import Publication, get_publication
from schema.declarations.routed_fields import route_field
from schema.declarations.scalars import build_scalar_map
from schema.declarations.semantic_nullability import mark_semantic_non_null
from schema.mutation_root import MutationRoot
from schema.tools.soundness import require_sound

SCHEMA_DESCRIPTION = """One citizen graph in front of the city's agencies, which keep their own systems.

**The caller decides what is visible.** Without a token, you see public fields. With a citizen's token, you see the data
of that citizen and their children. With an official's token, you see every citizen's data, for a purpose and a case.
Each type, and each field that differs from its type, states who may read it (`@access`) and how sensitive it is
(`@classified`).

**Expect null, and read `errors` beside `data`.** A field that you may not read is null, with the code `FORBIDDEN`. A
field whose agency is unavailable is null, with a code `AGENCY_...` and the agency's name. The rest of the answer is
complete.

Start at `Query`: `me` is for citizens, `citizen` and `citizens` are for officials, and public fields for everybody.
"""


@lru_cache(maxsize=4)  # commands that examine several contracts, and the start of the sandbox, ask several times
def build_schema(codes: AgencyCodes = ANY_AGENCIES) -> strawberry.Schema:
    """Builds the citizen graph of a hub with these agencies, without the fields of other domains.

    Raises `UnsoundSchema` if a field breaks a rule of `schema/tools/soundness.py`.
    """
    modules = import_types(types_of_the_graph)
    node_types = [each for each in find_node_types(modules) if _has_agency(each, codes)]
    publications = {publication.name: publication for publication in map(get_publication, node_types)}
    roots = {**find_root_fields(modules), **build_node_fields(publications, codes)}
    return finish_schema(
        _build_root_type("Query", "The queries of the graph.", roots),
        [each for each in node_types if _can_be_refetched(each, codes)],
        mutation=_build_root_type(
            "Mutation", MutationRoot.__doc__, {**_get_declared_fields(MutationRoot), **find_mutations(modules)}
        ),
        codes=codes,
        added=build_added_fields(modules),
    )


def _has_agency(published: type[Any], codes: AgencyCodes) -> bool:
    """Whether an agency has such nodes. If it has no read by their id, `node` says so."""
    refetch = get_publication(published).refetch
    return refetch is not None and (refetch.batch.works_without_agency or codes.answers(refetch.batch.domain))


def _has_records(published: type[Any], codes: AgencyCodes) -> bool:
    """Whether the hub itself or an agency has such records."""
    return get_publication(published).refetch is None or _has_agency(published, codes)


def _can_be_refetched(published: type[Any], codes: AgencyCodes) -> bool:
    refetch = get_publication(published).refetch
    return refetch is not None and _is_answered(refetch.batch, codes)


def _is_answered(batch: Batch[Any, Any], codes: AgencyCodes) -> bool:
    if batch.accepts is not None:
        return codes.answers(batch.accepts.domain, batch.accepts.name)
    return batch.works_without_agency or codes.answers(batch.domain, batch.domain_read)


class _CityGraph(strawberry.Schema):
    """A schema without the fields that no agency of the city answers, and without types that only they lead to."""

    def __init__(self, codes: AgencyCodes, added: AddedFields, **given: Any) -> None:  # noqa: ANN401 - Strawberry's arguments
        self._codes = codes
        self._added = added
        super().__init__(**given)

    def get_fields(self, type_definition: StrawberryObjectDefinition) -> list[StrawberryField]:
        """The fields of a type, with those that other modules add."""
        answered = [
            each
            for each in (*type_definition.fields, *self._added.get(type_definition.origin, ()))
            if not isinstance(each, EdgeField) or _is_answered(each.edge.batch, self._codes)
        ]
        found = vars(type_definition.origin).get("__publication__")
        publication = found if isinstance(found, Publication) else None
        refetch = None if publication is None else publication.refetch
        domain = None if refetch is None else refetch.batch.domain
        fields = [route_field(each, domain, self._codes) for each in map(self._narrow, answered) if _has_members(each)]
        for each in fields:
            mark_semantic_non_null(each, None if publication is None else publication.record)
        return fields

    def _narrow(self, field: StrawberryField) -> StrawberryField:
        if not isinstance(field, UnionField):
            return field
        codes = self._codes
        return field.narrow(
            {
                member: by
                for member, by in field.members.items()
                if (_has_records(member, codes) if by is None else _is_answered(by, codes))
            }
        )


def _has_members(field: StrawberryField) -> bool:
    """Whether a field can have a value: one of several types needs an agency that has records of one."""
    return not isinstance(field, UnionField) or bool(field.members)


def _get_declared_fields(root: type[Any]) -> dict[str, Any]:
    return {name: value for name, value in vars(root).items() if not name.startswith("__")}


def _build_root_type(name: str, description: str | None, fields: Mapping[str, Any]) -> type[Any]:
    return strawberry.type(type(name, (), dict(fields)), name=name, description=description)


def finish_schema(
    query: type[Any],
    node_types: Sequence[type[Any]] = (),
    *,
    mutation: type[Any] | None = None,
    codes: AgencyCodes = ANY_AGENCIES,
    added: AddedFields = NO_ADDED_FIELDS,
) -> strawberry.Schema:
    """Builds and checks the schema of these roots and types. Raises `UnsoundSchema` if a field breaks a rule."""
    config = StrawberryConfig(scalar_map=build_scalar_map())
    schema = _CityGraph(codes, added, query=query, mutation=mutation, types=node_types, config=config)
    set_agency_codes(get_graphql_schema(schema), codes)
    # Strawberry does not support a description of the whole schema.
    get_graphql_schema(schema).description = SCHEMA_DESCRIPTION.strip()
    require_sound(get_graphql_schema(schema))
    _complete_fields(schema)
    return schema


def _complete_fields(schema: strawberry.Schema) -> None:
    """Sets the argument conversion of every field, and the guard of every edge by the type that it leads to."""
    conversion = ArgumentConversion(schema.schema_converter.scalar_registry, schema.config)
    for type_ in get_graphql_schema(schema).type_map.values():
        for field in getattr(type_, "fields", {}).values():
            definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
            if isinstance(definition, PublishedField):
                definition.conversion = conversion
            if isinstance(definition, EdgeField) and definition.guard is not None:
                definition.guard = _build_edge_guard(definition, definition.guard, get_named_type(field.type))


def _build_edge_guard(edge: EdgeField, guard: Guard, type_: GraphQLNamedType) -> Guard:
    """Builds the guard of an edge from the type that it leads to.

    A third-party app needs the scope of that type, not of the type that has the edge, and an official needs a purpose
    of one of its fields. So what the caller may see nothing of is refused before any agency call.
    """
    access = guard.access
    there = _get_publication(type_)
    if edge.own_access is None and there is not None and not there.guard.is_public:
        access = to_access(replace(access, citizen_scopes=there.guard.access.citizen_scopes))
    purposes = frozenset[Purpose]() if edge.edge.facet is not None or access.purposes else _find_purposes(type_)
    narrowed = to_access(replace(access, purposes=purposes)) if purposes else None
    return replace(guard, access=access, access_there=narrowed)


def _get_publication(type_: GraphQLNamedType) -> Publication | None:
    """Returns the publication of a type; None for other types, such as a page of a list."""
    definition = type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    found = getattr(getattr(definition, "origin", None), "__dict__", {}).get("__publication__")
    return found if isinstance(found, Publication) else None


def _find_purposes(type_: GraphQLNamedType) -> frozenset[Purpose]:
    """The purposes of the fields of a type; none if a field that is not public takes any purpose."""
    definitions = (
        field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF) for field in getattr(type_, "fields", {}).values()
    )
    guards = [each.guard for each in definitions if isinstance(each, PublishedField) and each.guard is not None]
    declared = [each.access.purposes for each in guards if not each.is_public]
    return frozenset().union(*declared) if all(declared) else frozenset()


def get_graphql_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """Returns the inner graphql-core schema; its fields hold their definitions in `extensions`."""
    return schema._schema  # noqa: SLF001 - Strawberry has no public access to it


def print_sdl(schema: strawberry.Schema) -> str:
    """Prints the schema in the schema definition language (SDL)."""
    whole = get_graphql_schema(schema)
    roots = "".join(
        f"  {name}: {type_.name}\n"
        for name, type_ in (("query", whole.query_type), ("mutation", whole.mutation_type))
        if type_ is not None
    )
    # Strawberry omits the description of the whole schema.
    header = f'"""\n{whole.description}\n"""\nschema {{\n{roots}}}\n\n' if whole.description else ""
    return header + schema.as_str()
