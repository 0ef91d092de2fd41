"""Who sees what, as a page for readers: the decision about every kind of caller, and the rule of every field.

Made of the decision itself and of the finished schema, so that it cannot say anything else than what is decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from graphql import GraphQLObjectType, GraphQLSchema
from strawberry.schema.schema_converter import GraphQLCoreConverter

from auth.caller import ANONYMOUS, Assurance, Caller, CallerKind
from auth.policy.access_policy import AccessPolicy
from auth.policy.children import CHILD_PURPOSES
from auth.policy.decision import decide
from auth.policy.rules import Access, DenialReason, Rule
from records.hub.clients import ClientId
from records.hub.consents import Consent, ConsentState
from records.hub.data_preferences import DataPreferences
from records.identifiers import Nik
from records.purposes import CitizenScope, Purpose, Scope
from schema.declarations.fields import PublishedField

_SELF, _CHILD, _OTHER = Nik("self"), Nik("child"), Nik("other")
_NIB = "nib"
_PARTNER, _SYSTEM = ClientId("issuer", "partner"), ClientId("issuer", "system")
_SAMPLE_POLICY = AccessPolicy(
    purposes={"agency": frozenset({Purpose.SUBJECT_REQUEST}), "partners": frozenset({Purpose.PAYMENT})}
)
_SAMPLE_PREFERENCES = DataPreferences(
    consents=(
        Consent(
            subject=_SELF,
            id="1",
            client=_PARTNER,
            partner="A partner",
            scopes=(Scope.TAX,),
            purpose=Purpose.PAYMENT,
            state=ConsentState.GRANTED,
            granted_at=datetime.min.replace(tzinfo=UTC),
            expires_at=datetime.max.replace(tzinfo=UTC),
        ),
    ),
    people_in_case=frozenset({_SELF, _CHILD, _OTHER}),
)


@dataclass(frozen=True, slots=True)
class _SampleCaller:
    """A caller of a kind, and how the page calls what is theirs."""

    description: str
    caller: Caller
    own_words: str = "own"


def _build_sample_callers() -> Sequence[_SampleCaller]:
    sure, purpose, case = Assurance.SUBSTANTIAL, Purpose.SUBJECT_REQUEST.name, "1"
    citizen, official = CallerKind.CITIZEN, CallerKind.OFFICIAL
    of = "agency"
    return (
        _SampleCaller("nobody in particular", ANONYMOUS),
        _SampleCaller("a citizen", Caller(kind=citizen, first_party=True, nik=_SELF, assurance=sure), "themself"),
        _SampleCaller(
            "a citizen, less surely identified",
            Caller(kind=citizen, first_party=True, nik=_SELF, assurance=Assurance.LOW),
            "themself",
        ),
        _SampleCaller(
            "a citizen, in an app that is not the city's, with the scope",
            Caller(kind=citizen, nik=_SELF, scopes=frozenset({CitizenScope.TAX.value}), assurance=sure),
            "themself",
        ),
        _SampleCaller(
            "a citizen, in an app that is not the city's, without it", Caller(kind=citizen, nik=_SELF, assurance=sure)
        ),
        _SampleCaller(
            "an assistant",
            Caller(kind=citizen, first_party=True, nik=_OTHER, on_behalf_of=_SELF, assurance=sure),
            "whom they help",
        ),
        _SampleCaller("a business", Caller(kind=CallerKind.BUSINESS, nib=_NIB), "itself"),
        _SampleCaller("an official", Caller(kind=official, agency=of, purpose=purpose, case=case)),
        _SampleCaller("an official without a purpose", Caller(kind=official, agency=of, case=case)),
        _SampleCaller("an official without a case", Caller(kind=official, agency=of, purpose=purpose)),
        _SampleCaller(
            "an official with another's purpose",
            Caller(kind=official, agency=of, purpose=Purpose.HEALTHCARE.name, case=case),
        ),
        _SampleCaller(
            "a system of an agency",
            Caller(
                kind=CallerKind.AGENCY_SYSTEM,
                agency=of,
                client=_SYSTEM,
                purpose=purpose,
                case=case,
            ),
        ),
        _SampleCaller(
            "a partner",
            Caller(
                kind=CallerKind.PARTNER,
                client=_PARTNER,
                scopes=frozenset({Scope.TAX.value}),
                purpose=Purpose.PAYMENT.name,
                case=case,
            ),
            "who consented",
        ),
        _SampleCaller(
            "a partner without the scope",
            Caller(kind=CallerKind.PARTNER, client=_PARTNER, purpose=Purpose.PAYMENT.name, case=case),
        ),
        _SampleCaller("a supervisor", Caller(kind=CallerKind.SUPERVISOR, agency=of), "their own agency"),
        _SampleCaller("a data steward", Caller(kind=CallerKind.STEWARD)),
        _SampleCaller("an auditor", Caller(kind=CallerKind.AUDITOR)),
        _SampleCaller("a data-protection officer", Caller(kind=CallerKind.PROTECTION_OFFICER)),
        _SampleCaller("an operator", Caller(kind=CallerKind.OPERATOR)),
    )


def render_access_page(schema: GraphQLSchema) -> str:
    """The page, in Markdown."""
    return "\n".join(
        [
            "# Who sees what",
            "",
            "Written by `simpul schema write` from the rules themselves; do not edit it. What the words mean stands",
            "in [reading](queries.md#who-sees-what), what to do about a refusal in",
            "[errors](errors.md#why-a-field-is-refused).",
            "",
            "## Every kind of caller and every rule",
            "",
            "About whom a caller reads a field with this one rule: `all`, those that are named, or nobody, with the",
            "reason that `extensions.reason` gives. A field with several rules is read by whoever one of them passes.",
            "",
            *_build_decision_table(),
            "",
            "Specific personal data (health, children, finance) takes a person who is surely identified (assurance",
            f"`substantial` or higher), else `{DenialReason.ASSURANCE_TOO_LOW.name}`; and of who states a purpose,",
            f"one that the field names, else `{DenialReason.PURPOSE_DOES_NOT_COVER.name}`.",
            "A guardian is always surely identified.",
            "",
            "Whatever is about a child under 18, by the identity number, is specific. Partners read nothing of it,",
            (
                f"else `{DenialReason.NOT_FOR_PARTNERS.name}`; "
                "who states a purpose reads what names that purpose, and of what"
            ),
            f"names none no more than for {_join_purposes()}, else",
            f"`{DenialReason.PURPOSE_DOES_NOT_COVER.name}`.",
            "",
            "## Every field and its rules",
            "",
            "A type covers each of its fields that is not listed separately. For an app that is not the city's own,",
            "a field that leads to another type takes the scope of that type.",
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
    for sample in _build_sample_callers():
        yield f"| {sample.description} | {' | '.join(_build_cell(rule, sample) for rule in rules)} |"


def _build_cell(rule: Rule, sample: _SampleCaller) -> str:
    access = Access(rule, scope=Scope.TAX, citizen_scopes=frozenset({CitizenScope.TAX}))
    decisions = {
        subject: decide(
            access,
            sample.caller,
            (subject,),
            policy=_SAMPLE_POLICY,
            children=frozenset({_CHILD}),
            nib=_NIB if subject == _SELF else None,
            preferences=_SAMPLE_PREFERENCES,
            agency="agency" if subject == _SELF else None,
        )
        for subject in (_SELF, _CHILD, _OTHER)
    }
    names = {_SELF: sample.own_words, _CHILD: "their child"}
    allowed = [names.get(subject, "others") for subject, decision in decisions.items() if decision.is_allowed]
    if len(allowed) == len(decisions):
        return "all"
    refusals = dict.fromkeys(
        f"`{decision.denial_reason.name}`" for decision in decisions.values() if decision.denial_reason
    )
    return ", ".join(allowed) or ", ".join(refusals)


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
    """What holds for the fields of a type, and for those that say it themselves; public fields of ids left out."""
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
    rules = ", ".join(str(rule.name) for rule in Rule if rule in access.rule)
    rules += "; everybody, where it is public" if public_ones else ""
    rules += "; for a case" if access.requires_case else ""
    classification = access.classification
    level = classification.level + (f" ({classification.kind})" if classification.kind else "")
    purposes = ", ".join(each.name for each in Purpose if each in access.purposes)
    scope = f"`{access.scope.value}`" if access.scope else "any" if access.allows_any_consent else ""
    return f"| `{name}` | {rules} | {level} | {purposes} | {scope} | {_describe_citizen_scopes(access)} |"


def _describe_citizen_scopes(access: Access) -> str:
    """What an app that is not the city's own needs to read it for a person."""
    if Rule.SELF not in access.rule:
        return ""
    if not access.citizen_scopes:
        return "no scope"
    if access.citizen_scopes == frozenset(CitizenScope):
        return "any"
    return ", ".join(f"`{each.value}`" for each in CitizenScope if each in access.citizen_scopes)
