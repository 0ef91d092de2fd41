"""Which agency holds which personal data, derived from the finished schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema, get_named_type
from strawberry.schema.schema_converter import GraphQLCoreConverter

from auth.policy.rules import Classification
from engine.agencies.agency_codes import AgencyCodes, get_agency_codes
from schema.declarations.fields import EdgeField, PublishedField
from schema.declarations.guards import Guard


@dataclass(frozen=True, slots=True, order=True)
class Holding:
    """A field in which an agency holds personal data."""

    field: str
    """Its schema coordinate, such as `Residence.address`."""
    agency: str
    classification: Classification


def list_holdings(schema: GraphQLSchema) -> Sequence[Holding]:
    """Lists every non-public field that comes from an agency, ordered by name, once for each such agency."""
    codes = get_agency_codes(schema)
    roots = {each.name for each in (schema.query_type, schema.mutation_type) if each is not None}
    sources = _find_sources(schema, codes)
    found = {
        Holding(f"{name}.{field_name}", agency, classification)
        for name, type_ in schema.type_map.items()
        if isinstance(type_, GraphQLObjectType) and name not in roots and not name.startswith("__")
        for field_name, field in type_.fields.items()
        if (classification := get_classification(field)) is not Classification.PUBLIC
        for agency in _get_agencies(field, sources.get(name, frozenset()), codes)
    }
    return sorted(found, key=lambda each: (each.field, each.agency))


def get_holders(schema: GraphQLSchema) -> Mapping[str, str]:
    """Maps each field to the agency that holds it; to the first by name if there are several."""
    return {each.field: each.agency for each in reversed(list_holdings(schema))}


def get_held_classes(schema: GraphQLSchema) -> Mapping[str, frozenset[Classification]]:
    """Maps each agency to its classes of personal data in the graph; omits agencies with only public data."""
    found: dict[str, set[Classification]] = {}
    for each in list_holdings(schema):
        found.setdefault(each.agency, set()).add(each.classification)
    return {agency: frozenset(classes) for agency, classes in found.items()}


def _find_sources(schema: GraphQLSchema, codes: AgencyCodes) -> Mapping[str, frozenset[str]]:
    """Maps each type to the agencies of its objects. A nested object comes from its parent's agencies."""
    sources: dict[str, frozenset[str]] = {}
    waiting = [(each, frozenset[str]()) for each in (schema.query_type, schema.mutation_type) if each is not None]
    while waiting:
        type_, agencies = waiting.pop()
        known = sources.get(type_.name)
        if known is not None and agencies <= known:
            continue
        sources[type_.name] = (known or frozenset()) | agencies
        for field in type_.fields.values():
            inner = get_named_type(field.type)
            if isinstance(inner, GraphQLObjectType):
                waiting.append((inner, _get_agencies(field, sources[type_.name], codes)))
    return sources


def _get_agencies(field: GraphQLField, of_type: frozenset[str], codes: AgencyCodes) -> frozenset[str]:
    """Returns the agencies of a field's value: its batch's agency, or those of its object."""
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(definition, EdgeField):
        return of_type
    agency = codes.get(definition.edge.batch.domain)
    return frozenset() if agency is None else frozenset({agency})


def get_classification(field: GraphQLField) -> Classification:
    """The classification of a field's value; a field without a guard counts as personal."""
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    guard = definition.engine_guard() if isinstance(definition, PublishedField) else None
    return guard.access.classification if isinstance(guard, Guard) else Classification.PERSONAL
