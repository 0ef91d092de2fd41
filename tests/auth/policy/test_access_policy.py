"""The purposes that agencies, roles and partners may state."""

import pytest

from auth.caller import Caller, CallerKind
from auth.policy.access_policy import (
    DEFAULT_POLICY,
    DEFAULT_PURPOSES,
    DEFAULT_UNRESTRICTABLE,
    AccessPolicy,
    parse_purposes,
)
from records.purposes import Purpose
from tests.auth.callers import CALLERS, CITIZEN, OFFICIAL


def build_official(agency: str, role: str | None = None) -> Caller:
    return Caller(kind=CallerKind.OFFICIAL, agency=agency, role=role)


def test_an_agency_may_state_the_purposes_of_its_line_in_the_setting() -> None:
    policy = AccessPolicy(purposes=parse_purposes(["pbb:TAX_ASSESSMENT,PAYMENT", "crm:COMPLAINT_HANDLING"]))
    assert policy.get_allowed_purposes(build_official("pbb")) == {Purpose.TAX_ASSESSMENT, Purpose.PAYMENT}
    assert policy.get_allowed_purposes(build_official("crm")) == {Purpose.COMPLAINT_HANDLING}
    assert policy.get_allowed_purposes(build_official("parks")) == frozenset()


def test_a_role_with_its_own_line_may_state_only_those_purposes() -> None:
    policy = AccessPolicy(purposes=parse_purposes(["pbb:TAX_ASSESSMENT", "pbb/counter:SUBJECT_REQUEST"]))
    assert policy.get_allowed_purposes(build_official("pbb", "counter")) == {Purpose.SUBJECT_REQUEST}
    assert policy.get_allowed_purposes(build_official("pbb", "assessor")) == {Purpose.TAX_ASSESSMENT}


def test_partners_have_their_own_line_and_systems_that_of_their_agency() -> None:
    assert Purpose.CREDIT_ASSESSMENT in DEFAULT_POLICY.get_allowed_purposes(CALLERS["partner"])
    assert DEFAULT_POLICY.get_allowed_purposes(CALLERS["agency system"]) == DEFAULT_POLICY.get_allowed_purposes(
        OFFICIAL
    )


def test_a_caller_without_an_agency_may_state_no_purpose() -> None:
    assert DEFAULT_POLICY.get_allowed_purposes(CITIZEN) == frozenset()


@pytest.mark.parametrize("line", ["", "pbb", "pbb:", ":PAYMENT", "pbb:payment", "pbb:PAYMENT,", "pbb:CURIOSITY"])
def test_a_malformed_line_is_refused_with_the_fix(line: str) -> None:
    with pytest.raises(ValueError, match=r"does not assign purposes to an agency\. Write agency:PURPOSE,PURPOSE"):
        parse_purposes([line])


def test_every_purpose_except_the_citys_own_is_assigned_by_default() -> None:
    stated = frozenset[Purpose]().union(*parse_purposes(DEFAULT_PURPOSES).values())
    assert stated == frozenset(Purpose)


def test_the_setting_and_the_policy_agree_on_unrestrictable_purposes() -> None:
    assert frozenset(Purpose[name] for name in DEFAULT_UNRESTRICTABLE) == DEFAULT_POLICY.unrestrictable
