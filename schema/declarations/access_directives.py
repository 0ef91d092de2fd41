"""Rules and classes of data as a reader of the graph sees them: directives in the SDL, sentences in descriptions.

Tools that read a schema by introspection see no directives (GraphQL specification, section 3.13): descriptions say it
to them.
"""

from __future__ import annotations

from collections.abc import Sequence

import strawberry
from strawberry.schema_directive import Location

from auth.policy.rules import Access, Rule
from records.description import DescribedEnum
from records.purposes import CitizenScope, Purpose, Scope
from schema.declarations.enums import publish_enum


class AccessRule(DescribedEnum):
    """Who may see a field."""

    PUBLIC = "PUBLIC", "Everybody."
    SELF = "SELF", "The person the data is about."
    GUARDIAN = "GUARDIAN", "A parent, about their child under 18 on the same family card."
    ASSISTANT = "ASSISTANT", "Who helps a person with a disability, about that person."
    OFFICIAL = "OFFICIAL", "Officials of agencies, for a purpose and a case."
    AGENCY_SYSTEM = "AGENCY_SYSTEM", "Systems of agencies, for a purpose and a case."
    PARTNER = "PARTNER", "Partners with the scope, within a person's consent, for a purpose and a case."
    BUSINESS = "BUSINESS", "The business the data is about."
    SUPERVISOR = "SUPERVISOR", "Supervisors, about what readers of their own agency read."
    AUDITOR = "AUDITOR", "Auditors of the city, about what anybody read."
    PROTECTION_OFFICER = "PROTECTION_OFFICER", "The data-protection officer, about what anybody read."


class DataClass(DescribedEnum):
    """How sensitive data is (UU PDP 27/2022, article 4)."""

    PUBLIC = "PUBLIC", "No personal data."
    PERSONAL = "PERSONAL", "General personal data."
    SPECIFIC = "SPECIFIC", "Specific personal data: people have to be surely identified to read it."


class SpecificKind(DescribedEnum):
    """The kind of specific personal data (UU PDP 27/2022, article 4, paragraph 2)."""

    HEALTH = "HEALTH", "Health."
    CHILD = "CHILD", "Children."
    FINANCE = "FINANCE", "Personal finance."


for _enum in (AccessRule, DataClass, SpecificKind, Purpose, Scope, CitizenScope):
    publish_enum(_enum)

SELF_WITH_RECENT_SIGN_IN = Access(Rule.SELF, requires_recent_sign_in=True)
"""Changes that a person makes: in the city's own apps, after a recent sign-in."""
_DIRECTIVE_LOCATIONS = [Location.OBJECT, Location.FIELD_DEFINITION]


@strawberry.schema_directive(
    locations=_DIRECTIVE_LOCATIONS,
    name="access",
    description="Who may see the field, or each field of the type that has no `@access` of its own. With `publicOnes`,"
    " an object that is public is seen by everybody; with `case`, those who oversee state one. An app that is not the"
    " city's own needs one of the `citizenScopes`; a field that leads to another type takes the scopes of that type."
    " `recentSignIn` requires a recent sign-in.",
)
class AccessDirective:
    """`@access` in the SDL."""

    rules: list[AccessRule] = strawberry.directive_field(name="rules")
    purposes: list[Purpose] | None = strawberry.directive_field(name="purposes", default=strawberry.UNSET)
    scope: Scope | None = strawberry.directive_field(name="scope", default=strawberry.UNSET)
    citizen_scopes: list[CitizenScope] | None = strawberry.directive_field(
        name="citizenScopes", default=strawberry.UNSET
    )
    recent_sign_in: bool | None = strawberry.directive_field(name="recentSignIn", default=strawberry.UNSET)
    case: bool | None = strawberry.directive_field(name="case", default=strawberry.UNSET)
    public_ones: bool | None = strawberry.directive_field(name="publicOnes", default=strawberry.UNSET)


@strawberry.schema_directive(
    locations=_DIRECTIVE_LOCATIONS,
    name="classified",
    description="How sensitive the field is, or each field of the type.",
)
class ClassifiedDirective:
    """`@classified` in the SDL."""

    level: DataClass = strawberry.directive_field(name="as")
    kind: SpecificKind | None = strawberry.directive_field(name="kind", default=strawberry.UNSET)


def build_directives(access: Access, *, public_ones: bool = False) -> Sequence[object]:
    """What stands behind a type or a field in the SDL. `public_ones`: single objects of the type may be public."""
    purposes = [each for each in Purpose if each in access.purposes]
    classification = access.classification
    return (
        AccessDirective(
            rules=[AccessRule[str(rule.name)] for rule in Rule if rule in access.rule],
            purposes=purposes or strawberry.UNSET,
            scope=access.scope or strawberry.UNSET,
            citizen_scopes=[each for each in CitizenScope if each in access.citizen_scopes] or strawberry.UNSET,
            recent_sign_in=access.requires_recent_sign_in or strawberry.UNSET,
            case=access.requires_case or strawberry.UNSET,
            public_ones=public_ones or strawberry.UNSET,
        ),
        ClassifiedDirective(
            level=DataClass[classification.level],
            kind=SpecificKind[classification.kind] if classification.kind else strawberry.UNSET,
        ),
    )


_READER_WORDS = {
    Rule.SELF: "the person it is about",
    Rule.GUARDIAN: "their guardian",
    Rule.ASSISTANT: "their assistant",
    Rule.BUSINESS: "the business it is about",
    Rule.OFFICIAL: "officials",
    Rule.AGENCY_SYSTEM: "systems of agencies",
    Rule.PARTNER: "partners",
    Rule.SUPERVISOR: "supervisors about their own agency",
    Rule.AUDITOR: "auditors",
    Rule.PROTECTION_OFFICER: "the data-protection officer",
}


def describe_access(access: Access) -> str:
    """Who may read it, for people; empty for what is public."""
    if Rule.PUBLIC in access.rule or not access.rule:
        return ""
    text = f"Readable by {_join_words([who for rule, who in _READER_WORDS.items() if rule in access.rule])}."
    if access.requires_case:
        text += " For a case only."
    purposes = [each.name for each in Purpose if each in access.purposes]
    if purposes:
        text += f" Who states a purpose may read it for {_join_words(purposes, 'or')} only."
    if access.allows_any_consent and Rule.PARTNER in access.rule:
        text += " Partners need a person's consent, whatever its scopes."
    if access.scope is not None:
        text += f" Partners need a person's consent, and the scope `{access.scope.value}`."
    if Rule.SELF in access.rule and 0 < len(access.citizen_scopes) < len(CitizenScope):
        scopes = _join_words([f"`{each.value}`" for each in CitizenScope if each in access.citizen_scopes], "or")
        text += f" Apps that are not the city's own need the scope {scopes}."
    if access.requires_recent_sign_in:
        text += " In the city's own apps only, after a recent sign-in."
    if access.classification.kind:
        text += (
            f" Specific personal data ({access.classification.kind.lower()}): people sign in with assurance"
            f" `{access.classification.required_assurance.name.lower()}` or higher."
        )
    return text


def _join_words(parts: Sequence[str], last: str = "and") -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"
