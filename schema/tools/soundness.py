"""The rules of a schema, checked before the hub starts.

- Every field of an object declares who may read it.
- Every type, field, argument and enum value has a description.
- Only the declared kinds of field exist; resolvers, which see one parent at a time, are refused.
- Every non-public field, and every edge to an agency, is nullable.
- Specific personal data declares its purposes. Fields for partners declare a scope, and are not population data.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping

from graphql import (
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    is_non_null_type,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter

from auth.policy.rules import PURPOSE_RULES, Access, Classification, Rule
from records import population
from resolvers.population import Population
from resolvers.verification import verifications
from schema.declarations.fields import DerivedField, EdgeField, PublishedField
from schema.declarations.nodes import NodeField


class UnsoundSchema(Exception):  # noqa: N818 - reads as what it is
    """The schema breaks a rule. The text names each field, the fault and the fix."""


def require_sound(schema: GraphQLSchema) -> None:
    """Raises `UnsoundSchema` with all faults."""
    faults = list(_find_faults(schema))
    if faults:
        raise UnsoundSchema("The schema cannot be served:\n" + "\n".join(f"- {fault}" for fault in faults))


def _find_faults(schema: GraphQLSchema) -> Iterator[str]:
    for name, type_ in schema.type_map.items():
        if name.startswith("__"):
            continue
        if not type_.description:
            yield f"{name} has no description; write a docstring for its record."
        if isinstance(type_, GraphQLObjectType):
            for field_name, field in type_.fields.items():
                for fault in _find_field_faults(field):
                    yield f"{name}.{field_name} {fault}"
        else:
            yield from (f"{name}.{part} has no description." for part in _find_undescribed(type_))


def _find_undescribed(type_: GraphQLNamedType) -> Iterator[str]:
    """Yields the fields of inputs and interfaces, and the values of enums, without a description."""
    parts: Mapping[str, GraphQLEnumValue | GraphQLInputField | GraphQLField] = {}
    if isinstance(type_, GraphQLEnumType):
        parts = type_.values
    elif isinstance(type_, GraphQLInputObjectType | GraphQLInterfaceType):
        parts = type_.fields
    yield from (name for name, part in parts.items() if not part.description)


def _find_access_faults(access: Access, definition: PublishedField) -> Iterator[str]:
    rule = access.rules
    if (Rule.PUBLIC in rule) != (access.classification is Classification.PUBLIC):
        yield "must be PUBLIC data if and only if everybody may read it."
    if access.classification.level == "SPECIFIC" and rule & PURPOSE_RULES and not access.purposes:
        yield "is specific personal data; declare the purposes for which officials, systems and partners may read it."
    if (Rule.PARTNER in rule) != (access.scope is not None or access.allows_any_consent):
        yield "must declare a scope if and only if partners may read it."
    if Rule.PARTNER in rule and _is_population_data(definition):
        yield "is population data, which partners may verify but never read (UU 24/2013, article 79)."


def _is_population_data(definition: PublishedField) -> bool:
    """Whether the field comes from the population register, by its record or its batch."""
    if isinstance(definition, EdgeField) and definition.edge.batch is verifications:
        return False  # it returns only whether values match
    if isinstance(definition, EdgeField) and definition.edge.batch.domain is Population:
        return True
    publication = vars(definition.origin).get("__publication__") if definition.origin else None
    return getattr(getattr(publication, "record", None), "__module__", "") == population.__name__


def _find_field_faults(field: GraphQLField) -> Iterator[str]:
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(definition, PublishedField) or definition.base_resolver is not None:
        yield "has its own resolver; declare an edge (key and batch) or a derived field instead."
        return
    access = definition.guard.access if definition.guard else definition.own_access
    if access is None or not access.rules:
        yield "has no rule; declare who may read it."
    else:
        if Rule.PUBLIC not in access.rules and is_non_null_type(field.type):
            yield "is not public and must be nullable, so that it can be refused separately."
        yield from _find_access_faults(access, definition)
    if isinstance(definition, EdgeField | NodeField) and is_non_null_type(field.type):
        yield "leads to an agency and must be nullable, so that it can fail separately."
    if isinstance(definition, DerivedField) and inspect.iscoroutinefunction(definition.derive):
        yield "is derived by an async function; declare data that must be loaded as an edge."
    if not field.description:
        yield "has no description."
    for argument_name, argument in field.args.items():
        if not argument.description:
            yield f"has an argument '{argument_name}' without a description."
