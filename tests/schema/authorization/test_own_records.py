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
from records.purposes import CitizenScope
from resolvers.population import households_of
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
    guard, context = Guard(access=Access(Rule.SELF), subject="nik"), build_context(CITIZENS["high"])
    decider = guard.build_decider(context)
    assert decider is not None
    own, other = SimpleNamespace(nik=SITI), SimpleNamespace(nik=AYU)
    together, unidentified = SimpleNamespace(nik=(SITI, AYU)), SimpleNamespace(nik=None)
    assert guard.allows_own(context, [own, SimpleNamespace(nik=SITI)])
    for records in ([own, other], [other], [own, together], [own, unidentified], []):
        assert not guard.allows_own(context, records)
    assert [decider(each, None) is None for each in (own, other, together, unidentified)] == [True, False, True, False]


@pytest.mark.parametrize("name", ["low", "long ago", "other app"])
def test_a_citizen_who_may_not_see_their_own_records_is_not_allowed_a_list_of_them(name: str) -> None:
    access = Access(Rule.SELF, Classification.HEALTH, requires_recent_sign_in=True)
    guard, context = Guard(access=access, subject="nik"), build_context(CITIZENS[name])
    assert guard.build_decider(context) is not None
    assert not guard.allows_own(context, [SimpleNamespace(nik=SITI)])


def test_a_decision_about_a_rule_is_made_once() -> None:
    access = Access(Rule.SELF)
    for _ in range(3):
        assert is_allowed(Guard(access=access, subject="nik"), CITIZENS["high"])
    assert access.own_decisions == {(True, int(Assurance.HIGH)): True}


def test_a_key_is_allowed_without_a_decision_only_if_it_names_the_caller_who_may_see_their_own_records() -> None:
    context, root = build_context(CITIZENS["high"]), SimpleNamespace()
    self_only, official_only = Access(Rule.SELF), Access(Rule.OFFICIAL)
    assert Guard(access=self_only, is_keyed=True).allows_own_key(context, root, SITI)
    assert Guard(access=self_only, is_keyed=True, people_of_key=lambda key: key[0]).allows_own_key(
        context, root, [SITI]
    )
    assert not Guard(access=self_only, is_keyed=True).allows_own_key(context, root, AYU)
    assert not Guard(access=self_only, is_keyed=True).allows_own_key(context, root, ValueError("no key"))
    assert not Guard(access=self_only, subject="nik").allows_own_key(context, SimpleNamespace(nik=SITI), SITI)
    assert not Guard(access=official_only, is_keyed=True).allows_own_key(context, root, SITI)
    assert not Guard(access=self_only, is_keyed=True).allows_own_key(build_context(CALLERS["anonymous"]), root, SITI)
    # The batch finds the person of the key, so the key alone proves nothing.
    by_batch = Guard(access=self_only, is_keyed=True, subject_batch=households_of)
    assert not by_batch.allows_own_key(context, root, SITI)
