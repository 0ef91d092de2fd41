"""Access rules and data classes in the published schema: directives in the SDL, sentences in descriptions.

Introspection does not show directives (GraphQL specification, section 3.13), so the descriptions repeat them.
"""

from __future__ import annotations

from collections.abc import Sequence

import strawberry
from strawberry.schema_directive import Location

from auth.policy.rules import Access, Rule
from records.description import DescribedEnum
from records.purposes import CitizenScope, Purpose, Scope
from schema.declarations.scalars import publish_enum


class AccessRule(DescribedEnum):
    """A rule that lets a kind of caller read a field."""

    PUBLIC = "PUBLIC", "Everybody."
    SELF = "SELF", "The person the data is about."
    GUARDIAN = "GUARDIAN", "A parent, for their child under 18 on the same family card."
    ASSISTANT = "ASSISTANT", "An assistant of a person with a disability, for that person."
    OFFICIAL = "OFFICIAL", "Officials of agencies, for a purpose and a case."
    AGENCY_SYSTEM = "AGENCY_SYSTEM", "Systems of agencies, for a purpose and a case."
    PARTNER = "PARTNER", "Partners with the scope, within a person's consent, for a purpose and a case."
    BUSINESS = "BUSINESS", "The business the data is about."
    SUPERVISOR = "SUPERVISOR", "Supervisors, for reads by their own agency."
    AUDITOR = "AUDITOR", "Auditors of the city, for all reads."
    PROTECTION_OFFICER = "PROTECTION_OFFICER", "The data-protection officer, for all reads."


class DataClass(DescribedEnum):
    """The sensitivity of data (UU PDP 27/2022, article 4)."""

    PUBLIC = "PUBLIC", "Not personal data."
    PERSONAL = "PERSONAL", "General personal data."
    SPECIFIC = (
        "SPECIFIC",
        "Specific personal data: reading it requires a person with assurance `substantial` or higher.",
    )


class SpecificKind(DescribedEnum):
    """The kind of specific personal data (UU PDP 27/2022, article 4, paragraph 2)."""

    HEALTH = "HEALTH", "Health."
    CHILD = "CHILD", "Children."
    FINANCE = "FINANCE", "Personal finance."


for _enum in (AccessRule, DataClass, SpecificKind, Purpose, Scope, CitizenScope):
    publish_enum(_enum)

SELF_WITH_RECENT_SIGN_IN = Access(Rule.SELF, requires_recent_sign_in=True)
"""For mutations by a person: in the city's own apps, after a recent sign-in."""
GUARDED_WITH_RECENT_SIGN_IN = Access(Rule.SELF | Rule.GUARDIAN, requires_recent_sign_in=True)
"""For mutations by a person, also for a child as the guardian."""
_DIRECTIVE_LOCATIONS = [Location.OBJECT, Location.FIELD_DEFINITION]


@strawberry.schema_directive(
    locations=_DIRECTIVE_LOCATIONS,
    name="access",
    description="Who may read the field, or each field of the type without its own `@access`. `publicOnes`: everybody"
    " can read an object that is public. `case`: supervisors, auditors and the data-protection officer must state a"
    " case, like all other readers with a purpose. `citizenScopes`: a third-party app needs one of them; a field that"
    " leads to another type uses the scopes of that type. `recentSignIn`: the caller must have signed in recently.",
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
    description="The sensitivity of the field, or of each field of the type.",
)
class ClassifiedDirective:
    """`@classified` in the SDL."""

    level: DataClass = strawberry.directive_field(name="as")
    kind: SpecificKind | None = strawberry.directive_field(name="kind", default=strawberry.UNSET)


def build_directives(access: Access, *, public_ones: bool = False) -> Sequence[object]:
    """Builds the directives of a type or a field. `public_ones`: single objects of the type may be public."""
    purposes = [each for each in Purpose if each in access.purposes]
    classification = access.classification
    return (
        AccessDirective(
            rules=[AccessRule[str(rule.name)] for rule in Rule if rule in access.rules],
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
    """Describes in words who may read the field or type; empty if it is public."""
    if Rule.PUBLIC in access.rules or not access.rules:
        return ""
    text = f"Readable by {_join_words([who for rule, who in _READER_WORDS.items() if rule in access.rules])}."
    if access.requires_case:
        text += " Readers other than the person need a case." if Rule.SELF in access.rules else " Readers need a case."
    purposes = [each.name for each in Purpose if each in access.purposes]
    if purposes:
        text += f" A caller that states a purpose may read it only for {_join_words(purposes, 'or')}."
    if access.allows_any_consent and Rule.PARTNER in access.rules:
        text += " Partners need the person's consent, with any scope."
    if access.scope is not None:
        text += f" Partners need the person's consent and the scope `{access.scope.value}`."
    if Rule.SELF in access.rules and 0 < len(access.citizen_scopes) < len(CitizenScope):
        scopes = _join_words([f"`{each.value}`" for each in CitizenScope if each in access.citizen_scopes], "or")
        text += f" Third-party apps need the scope {scopes}."
    if access.requires_recent_sign_in:
        text += " Only in the city's own apps, after a recent sign-in."
    if access.classification.kind:
        text += (
            f" Specific personal data ({access.classification.kind.lower()}): a person needs assurance"
            f" `{access.classification.required_assurance.name.lower()}` or higher."
        )
    return text


def _join_words(parts: Sequence[str], last: str = "and") -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"
