"""The decision, as a full table: every kind of caller, every combination of rules, every kind of subject."""

from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.caller import Caller
from auth.rules import ALLOWED, Decision, Refusal, Rule, decide
from tests.auth.people import BUDI, CALLERS, CITIZEN, SITI

SUBJECTS = {"of nobody": (), "of the caller": (SITI,), "of another": (BUDI,), "of both": (BUDI, SITI)}
OK = None
SIGN_IN, NOT_YOURS, OFFICIALS = Refusal.SIGN_IN, Refusal.NOT_YOURS, Refusal.OFFICIALS_ONLY
NOT_FOR_OFFICIALS = Refusal.NOT_FOR_OFFICIALS

# rule -> caller -> refusal for data of nobody, of the caller, of another, of both
TABLE: dict[Rule, dict[str, tuple[Refusal | None, ...]]] = {
    Rule.PUBLIC: {"anonymous": (OK,) * 4, "citizen": (OK,) * 4, "official": (OK,) * 4},
    Rule.SELF: {
        "anonymous": (SIGN_IN,) * 4,
        "citizen": (NOT_YOURS, OK, NOT_YOURS, OK),
        "official": (NOT_FOR_OFFICIALS,) * 4,
    },
    Rule.OFFICIAL: {"anonymous": (SIGN_IN,) * 4, "citizen": (OFFICIALS,) * 4, "official": (OK,) * 4},
    Rule.SELF | Rule.OFFICIAL: {
        "anonymous": (SIGN_IN,) * 4,
        "citizen": (NOT_YOURS, OK, NOT_YOURS, OK),
        "official": (OK,) * 4,
    },
    Rule.PUBLIC | Rule.SELF: {"anonymous": (OK,) * 4, "citizen": (OK,) * 4, "official": (OK,) * 4},
    Rule.PUBLIC | Rule.OFFICIAL: {"anonymous": (OK,) * 4, "citizen": (OK,) * 4, "official": (OK,) * 4},
    Rule.PUBLIC | Rule.SELF | Rule.OFFICIAL: {"anonymous": (OK,) * 4, "citizen": (OK,) * 4, "official": (OK,) * 4},
}


def test_the_table_is_complete() -> None:
    every = {_joined(chosen) for count in range(1, len(Rule) + 1) for chosen in combinations(Rule, count)}
    assert set(TABLE) == every
    assert all(set(row) == set(CALLERS) for row in TABLE.values())


def _joined(rules: tuple[Rule, ...]) -> Rule:
    joined = Rule(0)
    for rule in rules:
        joined |= rule
    return joined


@pytest.mark.parametrize(
    ("rule", "caller", "subject"),
    [pytest.param(*each, id=f"{each[0]}, {each[1]}, {each[2]}") for each in product(TABLE, CALLERS, SUBJECTS)],
)
def test_who_may_see_what(rule: Rule, caller: str, subject: str) -> None:
    expected = TABLE[rule][caller][list(SUBJECTS).index(subject)]
    decision = decide(rule, CALLERS[caller], SUBJECTS[subject])
    assert decision.refusal is expected
    assert decision.allowed is (expected is None)


@pytest.mark.parametrize("caller", CALLERS.values(), ids=CALLERS)
def test_a_rule_that_names_nobody_lets_nobody_pass(caller: Caller) -> None:
    assert not decide(Rule(0), caller, (SITI,)).allowed


@settings(derandomize=True)
@given(subjects=st.lists(st.from_regex(r"[0-9]{16}", fullmatch=True)))
def test_a_citizen_reads_about_themself_alone(subjects: list[Any]) -> None:
    assert decide(Rule.SELF, CITIZEN, subjects).allowed is (SITI in subjects)


def test_a_decision_is_a_value() -> None:
    assert Decision() == ALLOWED == Decision(None)
    assert Decision(Refusal.SIGN_IN) != ALLOWED


def test_each_refusal_says_what_to_do_or_why() -> None:
    assert {refusal.name: refusal.value for refusal in Refusal} == {
        "SIGN_IN": "This field is not public. Sign in and send the token as 'Authorization: Bearer ...'.",
        "NOT_YOURS": "This field is about another person. You may only read it about yourself.",
        "NOT_FOR_OFFICIALS": "This field is for citizens about themselves. Officials ask for citizen(nik:) instead.",
        "OFFICIALS_ONLY": "This field may be read by officials of the city only.",
    }
