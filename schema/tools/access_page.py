"""The page of access rules: the decision for every kind of caller, and the rule of every field.

Generated from the decision and the finished schema, so that it cannot differ from what is decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graphql import GraphQLObjectType, GraphQLSchema
from strawberry.schema.schema_converter import GraphQLCoreConverter

from auth.policy.children import CHILD_PURPOSES
from auth.policy.rules import Access, DenialReason, Rule
from records.purposes import CitizenScope, Purpose, Scope
from schema.declarations.fields import PublishedField
from schema.tools.decision_table import build_cell, build_sample_callers


def render_access_page(schema: GraphQLSchema) -> str:
    """The page, in Markdown."""
    return "\n".join(
        [
            "# Who sees what",
            "",
            "Written by `simpul schema write` from the rules themselves; do not edit it.",
            "[Queries](queries.md#who-sees-what) explains the words,",
            "[errors](errors.md#why-a-field-is-refused) the reasons.",
            "",
            "## Every kind of caller and every rule",
            "",
            "The people whose records a caller reads by this one rule: `all`, the named ones, or none, with the value",
            "of `extensions.reason`. A field with several rules is readable if one of them allows it.",
            "",
            *_build_decision_table(),
            "",
            "Specific personal data (health, children, finance) requires a person with assurance `substantial` or",
            f"higher, else `{DenialReason.ASSURANCE_TOO_LOW.name}`. A caller who states a purpose needs one that",
            f"the field names, else `{DenialReason.PURPOSE_DOES_NOT_COVER.name}`. Guardians have this assurance.",
            "",
            "All data about a child under 18, by the identity number, is specific. Partners cannot read it",
            f"(`{DenialReason.NOT_FOR_PARTNERS.name}`). A caller who states a purpose needs one that the field names",
            f"or, if it names none, one of {_join_purposes()}, else `{DenialReason.PURPOSE_DOES_NOT_COVER.name}`.",
            "",
            "## Every field and its rules",
            "",
            "A type covers each of its fields that is not listed separately. For a third-party app, a field that leads",
            "to another type needs the scope of that type.",
            "",
            *_build_field_table(schema),
        ]
    )


def _join_purposes() -> str:
    *names, last = (f"`{each.name}`" for each in Purpose if each in CHILD_PURPOSES)
    return f"{', '.join(names)} or {last}"


def _build_decision_table() -> Iterator[str]:
    rules = [rule for rule in Rule if rule is not Rule.PUBLIC]
    yield f"| caller | {' | '.join(f'`{rule.name}`' for rule in rules)} |"
    yield f"|---{'|---' * len(rules)}|"
    accesses = [Access(rule, scope=Scope.TAX, citizen_scopes=frozenset({CitizenScope.TAX})) for rule in rules]
    for sample in build_sample_callers():
        yield f"| {sample.description} | {' | '.join(build_cell(access, sample) for access in accesses)} |"


def _build_field_table(schema: GraphQLSchema) -> Iterator[str]:
    yield "| type or field | rules | class | for the purposes | scope of partners | scope of citizens' apps |"
    yield "|---|---|---|---|---|---|"
    query = schema.query_type
    types = [each for each in schema.type_map.values() if isinstance(each, GraphQLObjectType)]
    ordered = sorted(types, key=lambda type_: (type_ is not query, type_.name))
    for type_ in ordered:
        if type_.name.startswith("__"):
            continue
        whole, apart = _collect_accesses(type_)
        if whole is not None:
            yield _build_row(type_.name, whole, public_ones=_may_be_public(type_))
        for name, access in apart:
            yield _build_row(f"{type_.name}.{name}", access)


def _collect_accesses(type_: GraphQLObjectType) -> tuple[Access | None, Sequence[tuple[str, Access]]]:
    """Rows for fields that inherit the type's rule, and for those with their own; leaves out public id fields."""
    whole: Access | None = None
    apart: list[tuple[str, Access]] = []
    for name, field in type_.fields.items():
        definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        if not isinstance(definition, PublishedField):
            continue
        if definition.own_access is not None:
            if name != "id":
                apart.append((name, definition.own_access))
        elif definition.guard is not None:
            whole = definition.guard.access
    return whole, apart


def _may_be_public(type_: GraphQLObjectType) -> bool:
    """Whether single objects of the type may be public."""
    definitions = (field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF) for field in type_.fields.values())
    return any(
        isinstance(each, PublishedField) and each.guard is not None and each.guard.public_when is not None
        for each in definitions
    )


def _build_row(name: str, access: Access, *, public_ones: bool = False) -> str:
    rules = ", ".join(str(rule.name) for rule in Rule if rule in access.rules)
    rules += "; everybody, where it is public" if public_ones else ""
    rules += "; for a case" if access.requires_case else ""
    classification = access.classification
    level = classification.level + (f" ({classification.kind})" if classification.kind else "")
    purposes = ", ".join(each.name for each in Purpose if each in access.purposes)
    scope = f"`{access.scope.value}`" if access.scope else "any" if access.allows_any_consent else ""
    return f"| `{name}` | {rules} | {level} | {purposes} | {scope} | {_describe_citizen_scopes(access)} |"


def _describe_citizen_scopes(access: Access) -> str:
    """The scopes that a third-party app needs to read it for a person."""
    if Rule.SELF not in access.rules:
        return ""
    if not access.citizen_scopes:
        return "no scope"
    if access.citizen_scopes == frozenset(CitizenScope):
        return "any"
    return ", ".join(f"`{each.value}`" for each in CitizenScope if each in access.citizen_scopes)
