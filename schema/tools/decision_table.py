"""The decision about every field of the graph for every kind of caller, as a table that is generated and checked in.

Generated from the decision itself and the finished schema: a changed rule shows as a changed line. The tests of the
graph read their expectations from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema
from strawberry.schema.schema_converter import GraphQLCoreConverter

from auth.caller import ANONYMOUS, Assurance, Caller, CallerKind
from auth.policy.access_policy import AccessPolicy
from auth.policy.decision import Allowed, Denied, decide
from auth.policy.facts import Facts, KnownPreferences
from auth.policy.rules import Access, DenialReason
from records.hub.clients import ClientId
from records.hub.consents import Consent, ConsentState
from records.hub.data_preferences import DataPreferences
from records.identifiers import Nik
from records.purposes import CitizenScope, Purpose, Scope
from schema.declarations.fields import PublishedField
from schema.declarations.guards import Guard

_SELF, _CHILD, _OTHER = Nik("self"), Nik("child"), Nik("other")
_NIB = "nib"
_SIGNED_IN_AT = 0.0
_PARTNER, _SYSTEM = ClientId("issuer", "partner"), ClientId("issuer", "system")
_SAMPLE_POLICY = AccessPolicy(
    purposes={"agency": frozenset({Purpose.SUBJECT_REQUEST}), "partners": frozenset({Purpose.CREDIT_ASSESSMENT})}
)
_SAMPLE_PREFERENCES = DataPreferences(
    consents=(
        Consent(
            subject=_SELF,
            id="1",
            client=_PARTNER,
            partner="A partner",
            scopes=tuple(Scope),
            purpose=Purpose.CREDIT_ASSESSMENT,
            state=ConsentState.GRANTED,
            granted_at=datetime.min.replace(tzinfo=UTC),
            expires_at=datetime.max.replace(tzinfo=UTC),
        ),
    ),
    people_in_case=frozenset({_SELF, _CHILD, _OTHER}),
)


@dataclass(frozen=True, slots=True)
class TableCaller:
    """A sample caller of a kind, and the words for its own records."""

    description: str
    caller: Caller
    own_words: str = "own"


def build_sample_callers() -> Sequence[TableCaller]:
    """A caller of every kind with all that its kind can prove, and variants without a part of it."""
    sure, purpose, case = Assurance.SUBSTANTIAL, Purpose.SUBJECT_REQUEST.name, "1"
    citizen, official = CallerKind.CITIZEN, CallerKind.OFFICIAL
    of = "agency"
    return (
        TableCaller("an anonymous caller", ANONYMOUS),
        TableCaller(
            "a citizen",
            Caller(kind=citizen, first_party=True, nik=_SELF, assurance=sure, authenticated_at=_SIGNED_IN_AT),
            "themself",
        ),
        TableCaller(
            "a citizen with low assurance",
            Caller(kind=citizen, first_party=True, nik=_SELF, assurance=Assurance.LOW, authenticated_at=_SIGNED_IN_AT),
            "themself",
        ),
        TableCaller(
            "a citizen in a third-party app with the scope",
            Caller(kind=citizen, nik=_SELF, scopes=frozenset(each.value for each in CitizenScope), assurance=sure),
            "themself",
        ),
        TableCaller(
            "a citizen in a third-party app without the scope", Caller(kind=citizen, nik=_SELF, assurance=sure)
        ),
        TableCaller(
            "an assistant",
            Caller(kind=citizen, first_party=True, nik=_OTHER, on_behalf_of=_SELF, assurance=sure),
            "the person they help",
        ),
        TableCaller("a business", Caller(kind=CallerKind.BUSINESS, nib=_NIB), "itself"),
        TableCaller("an official", Caller(kind=official, agency=of, purpose=purpose, case=case)),
        TableCaller("an official without a purpose", Caller(kind=official, agency=of, case=case)),
        TableCaller("an official without a case", Caller(kind=official, agency=of, purpose=purpose)),
        TableCaller(
            "an official with another's purpose",
            Caller(kind=official, agency=of, purpose=Purpose.HEALTHCARE.name, case=case),
        ),
        TableCaller(
            "a system of an agency",
            Caller(
                kind=CallerKind.AGENCY_SYSTEM,
                agency=of,
                client=_SYSTEM,
                purpose=purpose,
                case=case,
            ),
        ),
        TableCaller(
            "a partner",
            Caller(
                kind=CallerKind.PARTNER,
                client=_PARTNER,
                scopes=frozenset(each.value for each in Scope),
                purpose=Purpose.CREDIT_ASSESSMENT.name,
                case=case,
            ),
            "people who consented",
        ),
        TableCaller(
            "a partner without the scope",
            Caller(kind=CallerKind.PARTNER, client=_PARTNER, purpose=Purpose.CREDIT_ASSESSMENT.name, case=case),
            "people who consented",
        ),
        TableCaller("a supervisor", Caller(kind=CallerKind.SUPERVISOR, agency=of, case=case), "their own agency"),
        TableCaller("a data steward", Caller(kind=CallerKind.STEWARD)),
        TableCaller("an auditor", Caller(kind=CallerKind.AUDITOR, case=case)),
        TableCaller("a data-protection officer", Caller(kind=CallerKind.PROTECTION_OFFICER, case=case)),
        TableCaller("an operator", Caller(kind=CallerKind.OPERATOR)),
    )


def build_cell(access: Access, sample: TableCaller) -> str:
    """The records that the caller reads with this rule: `all`, named ones, or none, with the reasons."""
    decisions = {
        person: decide(
            access,
            sample.caller,
            Facts(
                (person,),
                business=_NIB if person == _SELF else None,
                agency="agency" if person == _SELF else None,
                children=frozenset({_CHILD}),
                preferences=KnownPreferences(_SAMPLE_PREFERENCES),
                policy=_SAMPLE_POLICY,
                now=_SIGNED_IN_AT,
            ),
        )
        for person in (_SELF, _CHILD, _OTHER)
    }
    names = {_SELF: sample.own_words, _CHILD: "their child"}
    allowed = [names.get(person, "others") for person, decision in decisions.items() if isinstance(decision, Allowed)]
    if len(allowed) == len(decisions):
        return "all"
    reasons = dict.fromkeys(f"`{each.reason.name}`" for each in decisions.values() if isinstance(each, Denied))
    return ", ".join(allowed) or ", ".join(reasons)


def render_decision_table(schema: GraphQLSchema) -> str:
    """The table in Markdown: a line for each field, in alphabetical order."""
    return "\n".join(
        [
            "# Decisions about every field",
            "",
            "Written by `simpul schema write` from the rules and the graph; do not edit it.",
            "[Who sees what](field-access.md) explains the words.",
            "",
            "The second column names the callers who read the field, and whose records they read. The third column",
            "names the reasons of denials. It leaves out the reasons that hold for all callers of a kind that no rule",
            f"of the field names: {', '.join(f'`{each.name}`' for each in _REASONS_OF_A_KIND)}.",
            "",
            "A caller states a purpose and a case that cover the field, unless the table says otherwise. A field with",
            "`*` is readable by everybody in a record that is public. People's preferences and age can deny more.",
            "",
            "| field | read by | denied |",
            "|---|---|---|",
            *sorted(_build_rows(schema, build_sample_callers())),
            "",
        ]
    )


_REASONS_OF_A_KIND = (
    DenialReason.SIGN_IN,
    DenialReason.NOT_FOR_CITIZENS,
    DenialReason.NOT_FOR_OFFICIALS,
    DenialReason.NOT_FOR_SYSTEMS,
    DenialReason.NOT_FOR_PARTNERS,
    DenialReason.NOT_FOR_BUSINESSES,
    DenialReason.NOT_FOR_YOUR_ROLE,
)


def _build_rows(schema: GraphQLSchema, samples: Sequence[TableCaller]) -> Iterator[str]:
    for type_ in schema.type_map.values():
        if not isinstance(type_, GraphQLObjectType) or type_.name.startswith("__"):
            continue
        for name, field in type_.fields.items():
            access, may_be_public = _find_access(field)
            if access is not None:
                yield f"| `{type_.name}.{name}`{' *' if may_be_public else ''} | {_build_outcomes(access, samples)} |"


def _build_outcomes(access: Access, samples: Sequence[TableCaller]) -> str:
    """The records that each caller reads, and the callers whose denial has its own reason."""
    left_out = {f"`{each.name}`" for each in _REASONS_OF_A_KIND}
    readers: list[str] = []
    denied: dict[str, list[str]] = {}
    for sample in samples:
        cell = build_cell(access, sample)
        if not cell.startswith("`"):
            readers.append(f"{sample.description}: {cell}")
        elif cell not in left_out:
            denied.setdefault(cell, []).append(sample.description)
    if len(readers) == len(samples):
        return "everybody |"
    return f"{'; '.join(readers)} | {'; '.join(f'{reason} {_join(who)}' for reason, who in sorted(denied.items()))}"


def _join(descriptions: Sequence[str]) -> str:
    return " / ".join(descriptions)


def _find_access(field: GraphQLField) -> tuple[Access | None, bool]:
    """The requirements of the field, and whether single records are public."""
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(definition, PublishedField):
        return None, False
    guard = definition.engine_guard()
    # Each node is guarded by its type, so the field itself has its own access.
    return (guard.access, guard.public_when is not None) if isinstance(guard, Guard) else (definition.own_access, False)
