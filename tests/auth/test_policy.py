"""Which purposes may be stated, and by whom."""

import pytest

from auth.caller import Caller, CallerKind
from auth.policy import DEFAULT_POLICY, DEFAULT_PURPOSES, DEFAULT_UNRESTRICTABLE, Policy, purposes_from
from records.purposes import Purpose
from tests.auth.kinds import CALLERS, CITIZEN, OFFICIAL


def of(agency: str, role: str | None = None) -> Caller:
    return Caller(kind=CallerKind.OFFICIAL, agency=agency, role=role)


def test_an_agency_may_state_the_purposes_of_its_line() -> None:
    policy = Policy(purposes=purposes_from(["pbb:TAX_ASSESSMENT,PAYMENT", "crm:COMPLAINT_HANDLING"]))
    assert policy.allowed(of("pbb")) == {Purpose.TAX_ASSESSMENT, Purpose.PAYMENT}
    assert policy.allowed(of("crm")) == {Purpose.COMPLAINT_HANDLING}
    assert policy.allowed(of("parks")) == frozenset()


def test_a_role_with_a_line_of_its_own_may_state_those_purposes_and_no_others() -> None:
    policy = Policy(purposes=purposes_from(["pbb:TAX_ASSESSMENT", "pbb/counter:SUBJECT_REQUEST"]))
    assert policy.allowed(of("pbb", "counter")) == {Purpose.SUBJECT_REQUEST}
    assert policy.allowed(of("pbb", "assessor")) == {Purpose.TAX_ASSESSMENT}


def test_partners_have_a_line_of_their_own_and_systems_that_of_their_agency() -> None:
    assert Purpose.CREDIT_ASSESSMENT in DEFAULT_POLICY.allowed(CALLERS["partner"])
    assert DEFAULT_POLICY.allowed(CALLERS["agency system"]) == DEFAULT_POLICY.allowed(OFFICIAL)


def test_who_is_of_no_agency_may_state_no_purpose() -> None:
    assert DEFAULT_POLICY.allowed(CITIZEN) == frozenset()


@pytest.mark.parametrize("line", ["", "pbb", "pbb:", ":PAYMENT", "pbb:payment", "pbb:PAYMENT,", "pbb:CURIOSITY"])
def test_a_line_that_says_something_else_is_refused_with_the_mend(line: str) -> None:
    with pytest.raises(ValueError, match=r"does not say who may state which purposes\. Write agency:PURPOSE,PURPOSE"):
        purposes_from([line])


def test_every_purpose_but_those_of_the_city_alone_is_somebodys_by_default() -> None:
    stated = frozenset[Purpose]().union(*purposes_from(DEFAULT_PURPOSES).values())
    assert stated == frozenset(Purpose)


def test_the_setting_and_the_policy_agree_on_what_nobody_can_restrict() -> None:
    assert frozenset(Purpose[name] for name in DEFAULT_UNRESTRICTABLE) == DEFAULT_POLICY.unrestrictable
