"""The decision row by row: the requirements of a field, the caller, the facts, and the exact outcome."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product

import pytest

from auth.caller import Assurance, Caller
from auth.policy.decision import Allowed, Decision, Denied, NeedsFact, decide, find_possible_facts
from auth.policy.facts import (
    Fact,
    Facts,
    KnownPreferences,
    NoRecordYet,
    NotLoaded,
    Preferences,
    Subjects,
    UnknownPerson,
)
from auth.policy.rules import Access, Classification, DenialReason, Rule
from records.hub.consents import Consent, ConsentState
from records.hub.data_preferences import DataPreferences, Restriction
from records.identifiers import Nik
from records.purposes import CitizenScope, Purpose, Scope
from tests.auth.callers import BUDI, CALLERS, NIB, SITI
from tests.fakes.city import build_policy
from tests.fakes.clients import build_client

about = partial(Facts, policy=build_policy())

CHILD = Nik("3171014107120003")
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
D, R = DenialReason, Rule
PERSONAL = Access(
    R.SELF | R.GUARDIAN | R.ASSISTANT | R.OFFICIAL | R.AGENCY_SYSTEM | R.PARTNER,
    scope=Scope.TAX,
    citizen_scopes=frozenset({CitizenScope.TAX}),
)
HEALTH = replace(PERSONAL, classification=Classification.HEALTH, purposes=frozenset({Purpose.SUBJECT_REQUEST}))
OVERSEEN = Access(R.SUPERVISOR | R.AUDITOR | R.PROTECTION_OFFICER, requires_case=True)
CHANGE = Access(R.SELF, requires_recent_sign_in=True)
CONSENT = Access(R.PARTNER, allows_any_consent=True)

CITIZEN, OFFICIAL, PARTNER = CALLERS["citizen"], CALLERS["official"], CALLERS["partner"]
UNSURE = replace(CITIZEN, assurance=Assurance.LOW)
APP = replace(CITIZEN, first_party=False, scopes=frozenset({CitizenScope.TAX.value}))
ANSWERING = replace(OFFICIAL, purpose=Purpose.SUBJECT_REQUEST.name)
OTHER_PURPOSE = replace(OFFICIAL, agency="pbb", purpose=Purpose.TAX_ASSESSMENT.name)

SAID = KnownPreferences(
    DataPreferences(
        consents=(
            Consent(
                subject=SITI,
                id="1",
                client=build_client("bank"),
                partner="The Bank",
                scopes=(Scope.TAX,),
                purpose=Purpose.PAYMENT,
                state=ConsentState.GRANTED,
                granted_at=NOW,
                expires_at=NOW + timedelta(days=30),
            ),
        )
    )
)
NOTHING = KnownPreferences(DataPreferences())
IN_CASE = KnownPreferences(DataPreferences(people_in_case=frozenset({SITI})))
NOT_IN_CASE = KnownPreferences(DataPreferences(people_in_case=frozenset()))
RESTRICTED = KnownPreferences(
    DataPreferences(restrictions=(Restriction(subject=SITI, number="H", purposes=(), since=NOW),))
)
ANY, UNKNOWN = NoRecordYet(), UnknownPerson()
CARD, PREFERENCES, SUBJECTS = NeedsFact(Fact.FAMILY_CARD), NeedsFact(Fact.PREFERENCES), NeedsFact(Fact.SUBJECTS)


@dataclass(frozen=True)
class Trial:
    """One row of the table."""

    situation: str
    access: Access
    caller: Caller
    facts: Facts
    outcome: Decision


ROWS = (
    Trial("public data, no record yet", Access(R.PUBLIC), CALLERS["anonymous"], about(ANY), Allowed(R.PUBLIC)),
    Trial("public data, any record", Access(R.PUBLIC), CITIZEN, about((BUDI,)), Allowed(R.PUBLIC)),
    Trial("an anonymous caller", PERSONAL, CALLERS["anonymous"], about(ANY), Denied(D.SIGN_IN)),
    Trial("a role without personal data", PERSONAL, CALLERS["operator"], about(ANY), Denied(D.NOT_FOR_YOUR_ROLE)),
    Trial("a citizen, no record yet", PERSONAL, CITIZEN, about(ANY), SUBJECTS),
    Trial("a citizen, own record", PERSONAL, CITIZEN, about((SITI,)), Allowed(R.SELF)),
    Trial("a citizen, own among several", PERSONAL, CITIZEN, about((BUDI, SITI)), Allowed(R.SELF)),
    Trial("a citizen, another's record", PERSONAL, CITIZEN, about((CHILD,)), CARD),
    Trial("their child by the card", PERSONAL, CITIZEN, about((CHILD,), children={CHILD}), Allowed(R.GUARDIAN)),
    Trial("no child of theirs", PERSONAL, CITIZEN, about((CHILD,), children=()), Denied(D.NOT_YOURS)),
    Trial("a record about no person", PERSONAL, CITIZEN, about(()), Denied(D.NOT_YOURS)),
    Trial("an unknown person", PERSONAL, CITIZEN, about(UNKNOWN), Denied(D.NOT_YOURS)),
    Trial("unsure, no record yet", HEALTH, UNSURE, about(ANY), Denied(D.ASSURANCE_TOO_LOW)),
    Trial("unsure, own health", HEALTH, UNSURE, about((SITI,)), Denied(D.ASSURANCE_TOO_LOW)),
    Trial("unsure, own other data", PERSONAL, UNSURE, about((SITI,)), Allowed(R.SELF)),
    Trial("unsure, a child", PERSONAL, UNSURE, about((CHILD,)), Denied(D.NOT_YOURS)),
    Trial("an app with the scope, own", PERSONAL, APP, about((SITI,)), Allowed(R.SELF)),
    Trial("an app with the scope, a child", PERSONAL, APP, about((CHILD,)), Denied(D.NOT_YOURS)),
    Trial("an app without it", PERSONAL, replace(APP, scopes=frozenset()), about(ANY), Denied(D.SCOPE_REQUIRED)),
    Trial("an app, no scope opens it", CHANGE, APP, about(ANY), Denied(D.FIRST_PARTY_ONLY)),
    Trial("an assistant, the person they help", PERSONAL, CALLERS["assistant"], about((SITI,)), Allowed(R.ASSISTANT)),
    Trial("an assistant, themself", PERSONAL, CALLERS["assistant"], about((BUDI,)), Denied(D.NOT_YOURS)),
    Trial("an old sign-in, no record yet", CHANGE, CITIZEN, about(ANY), Denied(D.REAUTHENTICATION_REQUIRED)),
    Trial("an old sign-in", CHANGE, CITIZEN, about((SITI,), now=1.0), Denied(D.REAUTHENTICATION_REQUIRED)),
    Trial("a new sign-in", CHANGE, replace(CITIZEN, authenticated_at=1.0), about((SITI,), now=1.0), Allowed(R.SELF)),
    Trial("a citizen, overseers' data", OVERSEEN, CITIZEN, about(ANY), Denied(D.NOT_FOR_CITIZENS)),
    Trial("an official, no record yet", PERSONAL, OFFICIAL, about(ANY), SUBJECTS),
    Trial("an official, a person", PERSONAL, OFFICIAL, about((SITI,)), PREFERENCES),
    Trial("a person without preferences", PERSONAL, OFFICIAL, about((SITI,), preferences=NOTHING), Allowed(R.OFFICIAL)),
    Trial("who restricts it", PERSONAL, OFFICIAL, about((SITI,), preferences=RESTRICTED), Denied(D.RESTRICTED)),
    Trial("an official, no person", PERSONAL, OFFICIAL, about(()), Allowed(R.OFFICIAL)),
    Trial("an official, unknown person", PERSONAL, OFFICIAL, about(UNKNOWN), Denied(D.PERSON_UNKNOWN)),
    Trial("no purpose", PERSONAL, replace(OFFICIAL, purpose=None), about(ANY), Denied(D.PURPOSE_REQUIRED)),
    Trial("no case", PERSONAL, replace(OFFICIAL, case=None), about((SITI,)), Denied(D.CASE_REQUIRED)),
    Trial(
        "not the agency's purpose", PERSONAL, replace(OFFICIAL, agency="pbb"), about(ANY), Denied(D.PURPOSE_NOT_ALLOWED)
    ),
    Trial("not the field's purpose", HEALTH, OFFICIAL, about((SITI,)), Denied(D.PURPOSE_DOES_NOT_COVER)),
    Trial("a child, other purpose", PERSONAL, OTHER_PURPOSE, about((CHILD,), concerns_child=True),
        Denied(D.PURPOSE_DOES_NOT_COVER)),
    Trial("a field that leads to a child", PERSONAL, OTHER_PURPOSE,
        about((CHILD,), concerns_child=True, skips_child_purpose_check=True), PREFERENCES),
    Trial("a child, a purpose of children", PERSONAL, OFFICIAL, about((CHILD,), concerns_child=True), PREFERENCES),
    Trial("a data request of theirs", PERSONAL, ANSWERING, about((SITI,), preferences=IN_CASE), Allowed(R.OFFICIAL)),
    Trial("of another", PERSONAL, ANSWERING, about((SITI,), preferences=NOT_IN_CASE), Denied(D.CASE_NOT_OPEN)),
    Trial("a data request, no person", PERSONAL, ANSWERING, about(()), Denied(D.CASE_NOT_OPEN)),
    Trial("a data request, unknown person", PERSONAL, ANSWERING, about(UNKNOWN), Denied(D.PERSON_UNKNOWN)),
    Trial("a case in the register", PERSONAL, OFFICIAL, about((SITI,), preferences=IN_CASE), Allowed(R.OFFICIAL)),
    Trial("a case not in it", PERSONAL, OFFICIAL, about((SITI,), preferences=NOT_IN_CASE), Denied(D.CASE_NOT_OPEN)),
    Trial("an official, citizens' data", CHANGE, OFFICIAL, about(ANY), Denied(D.NOT_FOR_OFFICIALS)),
    Trial("a system, citizens' data", CHANGE, CALLERS["agency system"], about(ANY), Denied(D.NOT_FOR_SYSTEMS)),
    Trial("a system, a person", PERSONAL, CALLERS["agency system"], about((SITI,)), PREFERENCES),
    Trial("a partner, no record yet", PERSONAL, PARTNER, about(ANY), SUBJECTS),
    Trial("a partner, a person", PERSONAL, PARTNER, about((SITI,)), PREFERENCES),
    Trial("who consented", PERSONAL, PARTNER, about((SITI,), preferences=SAID), Allowed(R.PARTNER)),
    Trial("who did not", PERSONAL, PARTNER, about((SITI,), preferences=NOTHING), Denied(D.CONSENT_REQUIRED)),
    Trial("one of two did", PERSONAL, PARTNER, about((SITI, BUDI), preferences=SAID), Denied(D.CONSENT_REQUIRED)),
    Trial("a partner, no person", PERSONAL, PARTNER, about((), preferences=SAID), Denied(D.CONSENT_REQUIRED)),
    Trial("a partner, unknown person", PERSONAL, PARTNER, about(UNKNOWN), Denied(D.PERSON_UNKNOWN)),
    Trial("a partner, a child", PERSONAL, PARTNER, about((CHILD,), concerns_child=True), PREFERENCES),
    Trial("no guardian consented", PERSONAL, PARTNER, about((SITI,), preferences=SAID, concerns_child=True),
        Denied(D.GUARDIAN_CONSENT_REQUIRED)),
    Trial("without the scope", PERSONAL, replace(PARTNER, scopes=frozenset()), about(ANY), Denied(D.SCOPE_REQUIRED)),
    Trial("any consent will do", CONSENT, replace(PARTNER, scopes=frozenset()),
        about((SITI,), preferences=SAID), Allowed(R.PARTNER)),
    Trial("the consent's id is unknown", CONSENT, PARTNER, about(()), Denied(D.CONSENT_REQUIRED)),
    Trial("no scope opens it to partners", Access(R.PARTNER), PARTNER, about(ANY), Denied(D.NOT_FOR_PARTNERS)),
    Trial("a business, no record yet", Access(R.BUSINESS), CALLERS["business"], about(ANY), SUBJECTS),
    Trial("a business, itself", Access(R.BUSINESS), CALLERS["business"], about((), NIB), Allowed(R.BUSINESS)),
    Trial("a business, another", Access(R.BUSINESS), CALLERS["business"], about((), "9"), Denied(D.NOT_YOUR_BUSINESS)),
    Trial("a business, people's data", PERSONAL, CALLERS["business"], about(ANY), Denied(D.NOT_FOR_BUSINESSES)),
    Trial("a supervisor without a case", OVERSEEN, CALLERS["supervisor"], about(ANY), Denied(D.CASE_REQUIRED)),
    Trial("a supervisor, no record yet", OVERSEEN, replace(CALLERS["supervisor"], case="1"), about(ANY), SUBJECTS),
    Trial("their own agency", OVERSEEN, replace(CALLERS["supervisor"], case="1"),
        about((), agency="dukcapil"), Allowed(R.SUPERVISOR)),
    Trial("another agency", OVERSEEN, CALLERS["supervisor"], about((), agency="pbb"), Denied(D.NOT_YOUR_AGENCY)),
    Trial("an auditor, no record yet", OVERSEEN, replace(CALLERS["auditor"], case="1"), about(ANY), Allowed(R.AUDITOR)),
    Trial("an officer without a case", OVERSEEN, CALLERS["protection officer"], about(()), Denied(D.CASE_REQUIRED)),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.situation)
def test_each_row_has_exactly_its_outcome(row: Trial) -> None:
    assert decide(row.access, row.caller, row.facts) == row.outcome


def test_the_rows_show_every_reason_every_rule_and_every_fact() -> None:
    outcomes = {row.outcome for row in ROWS}
    assert {each.reason for each in outcomes if isinstance(each, Denied)} == set(DenialReason)
    assert {each.fact for each in outcomes if isinstance(each, NeedsFact)} == set(Fact)
    assert {each.by for each in outcomes if isinstance(each, Allowed)} == set(Rule) - {
        R.AGENCY_SYSTEM,
        R.PROTECTION_OFFICER,
    }


CHILDREN: tuple[Collection[Nik] | NotLoaded, ...] = (NotLoaded(), (), frozenset({CHILD}))
SAYINGS: tuple[Preferences, ...] = (NotLoaded(), NOTHING, SAID, IN_CASE, NOT_IN_CASE, RESTRICTED)
PEOPLE: tuple[Subjects, ...] = ((), (SITI,), (BUDI,), (CHILD,), (SITI, CHILD), UNKNOWN)
ACCESSES = (PERSONAL, HEALTH, OVERSEEN, CHANGE, CONSENT, Access(R.BUSINESS), Access(R.OFFICIAL), Access(R.GUARDIAN))


@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
@pytest.mark.parametrize("people", PEOPLE, ids=str)
def test_a_fact_never_turns_a_denial_into_a_permission(caller: Caller, people: Subjects) -> None:
    for access, of_child in product(ACCESSES, (False, True)):
        facts = about(people, NIB, "dukcapil", concerns_child=of_child)
        before = decide(access, caller, facts)
        for children, preferences in product(CHILDREN, SAYINGS):
            after = decide(access, caller, facts._replace(children=children, preferences=preferences))
            if isinstance(before, NeedsFact):
                assert before.fact in find_possible_facts(access)
            elif people:
                assert after == before


@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
def test_a_decision_before_any_record_holds_for_each_record(
    caller: Caller,
) -> None:
    for access, people, children, preferences in product(ACCESSES, PEOPLE, CHILDREN, SAYINGS):
        before = decide(access, caller, about())
        after = decide(access, caller, about(people, NIB, "dukcapil", children=children, preferences=preferences))
        if not isinstance(before, NeedsFact):
            assert type(after) is type(before)
