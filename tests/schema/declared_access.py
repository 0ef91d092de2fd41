"""The access that the checked-in schema declares for each field."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from graphql import DirectiveNode, EnumValueNode, FieldDefinitionNode, ListValueNode, ObjectTypeDefinitionNode, parse

from tests.sandbox_agencies import ROOT


@dataclass(frozen=True)
class DeclaredAccess:
    """What the checked-in schema declares for a field: its `@access` and `@classified`."""

    rules: frozenset[str]
    purposes: frozenset[str]
    scope: frozenset[str]
    specific: bool
    case: bool = False
    """Whether overseers need a case to read it."""


def _parse_directives(directives: tuple[DirectiveNode, ...]) -> DeclaredAccess | None:
    found = {each.name.value: {arg.name.value: arg.value for arg in each.arguments or ()} for each in directives}
    if "access" not in found:
        return None
    return DeclaredAccess(
        rules=_names(found["access"]["rules"]),
        purposes=_names(found["access"].get("purposes")),
        scope=_names(found["access"].get("scope")),
        specific=_names(found["classified"]["as"]) == {"SPECIFIC"},
        case="case" in found["access"],
    )


def _names(value: Any) -> frozenset[str]:  # noqa: ANN401 - a node of a document
    if isinstance(value, ListValueNode):
        return frozenset().union(*map(_names, value.values))
    return frozenset({value.value}) if isinstance(value, EnumValueNode) else frozenset()


@cache
def load_declared_access() -> dict[str, DeclaredAccess]:
    """The access that the graph declares for every field, by its coordinate."""
    document = parse((ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8"))
    declared: dict[str, DeclaredAccess] = {}
    for type_ in document.definitions:
        if isinstance(type_, ObjectTypeDefinitionNode):
            whole = _parse_directives(tuple(type_.directives or ()))
            fields: tuple[FieldDefinitionNode, ...] = tuple(type_.fields or ())
            for field in fields:
                own = _parse_directives(tuple(field.directives or ())) or whole
                assert own is not None, f"{type_.name.value}.{field.name.value} declares no access"
                declared[f"{type_.name.value}.{field.name.value}"] = own
    return declared
