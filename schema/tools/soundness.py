"""What a schema must hold before the hub starts.

- Every field of an object says who may see it.
- Every type, field, argument and enum value says what it means.
- Only the declared kinds of field exist: a resolver of its own, which would see one parent at a time, is refused.
- Every field that is not public, and every edge to an agency, can be null.
- What is specific personal data names the purposes for which it may be read; what partners may read names its scope,
  and is no population data.
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
from resolvers.verification import verifications
from schema.declarations.fields import DerivedField, EdgeField, PublishedField
from schema.declarations.nodes import NodeField

POPULATION_REGISTER = "dukcapil"


class UnsoundSchema(Exception):  # noqa: N818 - reads as what it is
    """The schema breaks a rule of the house; the text names each field, the fault and the mend."""


def require_sound(schema: GraphQLSchema) -> None:
    """Raise `UnsoundSchema` with every fault at once."""
    faults = list(_find_faults(schema))
    if faults:
        raise UnsoundSchema("The schema cannot be served:\n" + "\n".join(f"- {fault}" for fault in faults))


def _find_faults(schema: GraphQLSchema) -> Iterator[str]:
    for name, type_ in schema.type_map.items():
        if name.startswith("__"):
            continue
        if not type_.description:
            yield f"{name} has no description; write its record's docstring."
        if isinstance(type_, GraphQLObjectType):
            for field_name, field in type_.fields.items():
                for fault in _find_field_faults(field):
                    yield f"{name}.{field_name} {fault}"
        else:
            yield from (f"{name}.{part} has no description." for part in _find_undescribed(type_))


def _find_undescribed(type_: GraphQLNamedType) -> Iterator[str]:
    """Fields of inputs and interfaces, and values of enums, that nobody could understand."""
    parts: Mapping[str, GraphQLEnumValue | GraphQLInputField | GraphQLField] = {}
    if isinstance(type_, GraphQLEnumType):
        parts = type_.values
    elif isinstance(type_, GraphQLInputObjectType | GraphQLInterfaceType):
        parts = type_.fields
    yield from (name for name, part in parts.items() if not part.description)


def _find_access_faults(access: Access, definition: PublishedField) -> Iterator[str]:
    rule = access.rule
    if (Rule.PUBLIC in rule) != (access.classification is Classification.PUBLIC):
        yield "is public and classified, or neither; what everybody may see is PUBLIC data, and nothing else is."
    if access.classification.level == "SPECIFIC" and rule & PURPOSE_RULES and not access.purposes:
        yield "is specific personal data; name the purposes for which officials, systems and partners may read it."
    if (Rule.PARTNER in rule) != (access.scope is not None or access.allows_any_consent):
        yield "is readable by partners and names no scope, or names one and is not."
    if Rule.PARTNER in rule and _is_population_data(definition):
        yield "is population data, which partners may verify and never read (UU 24/2013, article 79)."


def _is_population_data(definition: PublishedField) -> bool:
    """Whether the field comes from the population register, be it by its record or by its batch."""
    if isinstance(definition, EdgeField) and definition.edge.batch is verifications:
        return False  # it compares, and tells whether there is a match
    if isinstance(definition, EdgeField) and definition.edge.batch.agency == POPULATION_REGISTER:
        return True
    publication = vars(definition.origin).get("__publication__") if definition.origin else None
    return getattr(getattr(publication, "record", None), "__module__", "") == population.__name__


def _find_field_faults(field: GraphQLField) -> Iterator[str]:
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(definition, PublishedField) or definition.base_resolver is not None:
        yield "has a resolver of its own; declare an edge (key and batch) or a derived field instead."
        return
    access = definition.guard.access if definition.guard else definition.own_access
    if access is None or not access.rule:
        yield "says nobody may or may not see it; declare one of the rules."
    else:
        if Rule.PUBLIC not in access.rule and is_non_null_type(field.type):
            yield "is not public and must be nullable, so that it can be refused alone."
        yield from _find_access_faults(access, definition)
    if isinstance(definition, EdgeField | NodeField) and is_non_null_type(field.type):
        yield "leads to an agency and must be nullable, so that it can fail alone."
    if isinstance(definition, DerivedField) and inspect.iscoroutinefunction(definition.derive):
        yield "is derived by an async function; what has to be fetched is an edge."
    if not field.description:
        yield "has no description."
    for argument_name, argument in field.args.items():
        if not argument.description:
            yield f"has an argument '{argument_name}' without a description."
