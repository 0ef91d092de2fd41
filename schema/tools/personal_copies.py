"""Checks at the start that a snapshot with personal data is sealed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema
from strawberry.schema.schema_converter import GraphQLCoreConverter

from auth.policy.rules import Classification
from schema.declarations.fields import EdgeField
from schema.declarations.publishing import get_publication
from schema.tools.holdings import get_classification


class UnsealedCopyError(ValueError):
    """A snapshot in plain text whose records hold personal data. The text names the snapshot, the field and the fix."""


def refuse_unsealed_copies(unsealed: Mapping[str, type[Any]], schema: GraphQLSchema) -> None:
    """Raise `UnsealedCopyError` for a record in plain text with a field that is not public; `unsealed` is by name."""
    personal = list_personal_records(schema)
    for name, record in unsealed.items():
        if (field := personal.get(record)) is not None:
            raise UnsealedCopyError(
                f"{name}: {field} is not public, but the record {record.__name__} does not say whose it is: mark the"
                " field that decides who may see it with DECIDES_ACCESS, so that copies are sealed"
            )


def list_personal_records(schema: GraphQLSchema) -> Mapping[type[Any], str]:
    """The records with a field of their own that is not public, and the first such field."""
    found: dict[type[Any], str] = {}
    for name, type_ in sorted(schema.type_map.items()):
        definition = type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        origin = getattr(definition, "origin", None)
        if not isinstance(type_, GraphQLObjectType) or origin is None or "__publication__" not in vars(origin):
            continue
        for field_name, field in type_.fields.items():
            declared = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
            if not isinstance(declared, EdgeField) and get_classification(field) is not Classification.PUBLIC:
                found.setdefault(get_publication(origin).record, f"{name}.{field_name}")
    return found
