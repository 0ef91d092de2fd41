"""The purpose and case of headers: their syntax, and the precedence of the token."""

import pytest

from auth.caller import Caller, CallerKind
from auth.policy.declared_purpose import InvalidDeclaration, apply_declared_purpose

RINA = Caller(kind=CallerKind.OFFICIAL, agency="dukcapil")
BOUND = Caller(kind=CallerKind.OFFICIAL, agency="dukcapil", purpose="tax-audit", case="A-1")


def test_purpose_and_case_of_the_headers_become_part_of_the_caller() -> None:
    found = apply_declared_purpose(RINA, purpose="tax-audit", case="2026/PBB-7 a")
    assert (found.purpose, found.case, found.agency) == ("tax-audit", "2026/PBB-7 a", "dukcapil")
    assert (RINA.purpose, RINA.case) == (None, None)


def test_without_headers_the_caller_is_unchanged() -> None:
    assert apply_declared_purpose(RINA, purpose=None, case=None) is RINA
    assert apply_declared_purpose(BOUND, purpose=None, case=None) is BOUND
    assert apply_declared_purpose(BOUND, purpose="tax-audit", case="A-1") is BOUND


def test_a_header_may_add_the_case_to_the_purpose_of_the_token() -> None:
    once = Caller(kind=CallerKind.OFFICIAL, agency="dukcapil", purpose="tax-audit")
    found = apply_declared_purpose(once, purpose=None, case="A-1")
    assert (found.purpose, found.case) == ("tax-audit", "A-1")


def test_a_header_cannot_overrule_the_token() -> None:
    with pytest.raises(
        InvalidDeclaration, match=r"^X-Purpose differs from the token's purpose\. Send the same one, or no header\.$"
    ):
        apply_declared_purpose(BOUND, purpose="curiosity", case=None)
    with pytest.raises(
        InvalidDeclaration, match=r"^X-Case differs from the token's case\. Send the same one, or no header\.$"
    ):
        apply_declared_purpose(BOUND, purpose=None, case="A-2")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a b",
        "-a",
        "a\n",
        "a\x00",
        "é",
        "a" * 65,
        "a;b",
        "<a>",
        "3171014506900001",
        "9120001234567",
        "a3171014506900001",
    ],
)
def test_a_malformed_purpose_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidDeclaration) as refusal:
        apply_declared_purpose(RINA, purpose=text, case=None)
    assert (
        str(refusal.value)
        == "X-Purpose is malformed. Use at most 64 letters, digits and '_.:-', no 13 digits in a row."
    )


@pytest.mark.parametrize(
    "text",
    ["", " a", "a ", "/a", "a\n", "é", "a" * 65, "a;b", "3171014506900001", "REG/3171014506900001", "https://a.b"],
)
def test_a_malformed_case_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidDeclaration) as refusal:
        apply_declared_purpose(RINA, purpose=None, case=text)
    assert (
        str(refusal.value)
        == "X-Case is malformed. Use at most 64 letters, digits, spaces and '_.:/-', no 13 digits in a row, no '//'."
    )
