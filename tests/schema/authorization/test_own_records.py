"""Decisions about citizens' own records are kept with the rule: each citizen gets the decision that `decide` makes."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from types import SimpleNamespace

import pytest

from auth.caller import Assurance, Caller
from auth.policy.decision import Allowed, decide
from auth.policy.facts import Facts
from auth.policy.rules import Access, Classification, Rule
from engine.field_kinds import OwnRecordDecider
from records.purposes import CitizenScope
from schema.declarations.guards import Guard
from schema.declarations.request_context import RequestContext
from tests.fakes.city import build_policy
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import AYU, CALL, CALLERS, SITI
from tests.schema.requests import IDS

PERSON = CALLERS["the person"]
NOW = 1_800_000_000.0
CITIZENS = {
    "low": replace(PERSON, assurance=Assurance.LOW),
    "high": replace(PERSON, assurance=Assurance.HIGH, authenticated_at=NOW - 10),
    "long ago": replace(PERSON, assurance=Assurance.HIGH, authenticated_at=NOW - 86_400),
    "other app": replace(PERSON, assurance=Assurance.HIGH, first_party=False),
    "assistant": replace(PERSON, assurance=Assurance.HIGH, on_behalf_of=AYU),
}
SCOPE = next(iter(CitizenScope))


AGENCIES = SmallCity().agencies()


def build_context(caller: Caller) -> RequestContext:
    return RequestContext(
        policy=build_policy(), caller=caller, call=CALL, agencies=AGENCIES, node_ids=IDS, clock=lambda: NOW
    )


def is_allowed(guard: Guard, caller: Caller) -> bool:
    decider = guard.build_decider(build_context(caller))
    record = SimpleNamespace(nik=AYU if caller.on_behalf_of else SITI)
    return decider is None or decider(record, None) is None


@pytest.mark.parametrize("recent", [False, True])
@pytest.mark.parametrize("scopes", [frozenset[CitizenScope](), frozenset({SCOPE})])
@pytest.mark.parametrize("classification", [Classification.PERSONAL, Classification.HEALTH])
@pytest.mark.parametrize(
    "rules", [Rule.SELF, Rule.ASSISTANT, Rule.SELF | Rule.ASSISTANT | Rule.OFFICIAL, Rule.OFFICIAL]
)
def test_no_citizen_gets_the_decision_of_another(
    rules: Rule, classification: Classification, scopes: frozenset[CitizenScope], *, recent: bool
) -> None:
    for order in permutations(CITIZENS):
        access = Access(rules, classification, citizen_scopes=scopes, requires_recent_sign_in=recent)
        guard = Guard(access=access, subject="nik")
        for name in (*order, *order):
            caller = CITIZENS[name]
            context = build_context(caller)
            own = caller.on_behalf_of or SITI
            expected = decide(access, caller, Facts(subjects=(own,), policy=context.policy, now=NOW))
            assert is_allowed(guard, caller) is isinstance(expected, Allowed), (order, name)


def test_a_list_of_own_records_is_allowed_as_a_whole_and_any_other_list_record_by_record() -> None:
    decider = Guard(access=Access(Rule.SELF), subject="nik").build_decider(build_context(CITIZENS["high"]))
    assert isinstance(decider, OwnRecordDecider)
    own, other = SimpleNamespace(nik=SITI), SimpleNamespace(nik=AYU)
    together, unidentified = SimpleNamespace(nik=(SITI, AYU)), SimpleNamespace(nik=None)
    assert decider.allows_all([own, SimpleNamespace(nik=SITI)])
    for records in ([own, other], [other], [own, together], [own, unidentified], []):
        assert not decider.allows_all(records)
    assert [decider(each, None) is None for each in (own, other, together, unidentified)] == [True, False, True, False]


@pytest.mark.parametrize("name", ["low", "long ago", "other app"])
def test_a_citizen_who_may_not_see_their_own_records_gets_no_such_decider(name: str) -> None:
    access = Access(Rule.SELF, Classification.HEALTH, requires_recent_sign_in=True)
    decider = Guard(access=access, subject="nik").build_decider(build_context(CITIZENS[name]))
    assert decider is not None
    assert not isinstance(decider, OwnRecordDecider)


def test_a_decision_about_a_rule_is_made_once() -> None:
    access = Access(Rule.SELF)
    for _ in range(3):
        assert is_allowed(Guard(access=access, subject="nik"), CITIZENS["high"])
    assert access.own_decisions == {(True, Assurance.HIGH): True}
