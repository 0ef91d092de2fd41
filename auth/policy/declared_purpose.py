"""What a caller states with a request: why they ask, and for which case. Pure.

Officials, partners, systems of agencies and those who oversee them state it, in their token or with each request; what
others say of it is not read. Which purposes a role may have is decided elsewhere; here is only how they are written.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from auth.caller import Caller, CallerKind

DECLARING_KINDS: Final = frozenset(
    {
        CallerKind.OFFICIAL,
        CallerKind.PARTNER,
        CallerKind.AGENCY_SYSTEM,
        CallerKind.SUPERVISOR,
        CallerKind.AUDITOR,
        CallerKind.PROTECTION_OFFICER,
    }
)
"""Who states purpose and case. For those who oversee others, the purpose decides nothing; the case may be required."""
_PURPOSE: Final = re.compile(r"(?!.*\d{13})[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}", re.ASCII)
_CASE: Final = re.compile(r"(?!.*\d{13})(?!.*//)[A-Za-z0-9][A-Za-z0-9_.:/ -]{0,63}", re.ASCII)


class InvalidDeclaration(Exception):  # noqa: N818 - names the condition
    """Purpose or case cannot be taken; the text is safe to show and does not repeat them."""


def is_valid_purpose(text: str) -> bool:
    """Whether it is written as a purpose: 64 letters, digits, `_ . : -` at most, and no number of a person in it."""
    return _PURPOSE.fullmatch(text) is not None


def is_valid_case(text: str) -> bool:
    """Whether it is written as the number of a case: as a purpose, with `/` and spaces inside.

    People are told the case of who read their data, so it must be no address either: `//` is none.
    """
    return _CASE.fullmatch(text) is not None and not text.endswith(" ")


def apply_declared_purpose(caller: Caller, *, purpose: str | None, case: str | None) -> Caller:
    """The caller with what they stated beside their token, None for nothing; what the token says goes first.

    Raises `InvalidDeclaration` where it is not written as such, or where the token says something else.
    """
    if purpose is not None and not is_valid_purpose(purpose):
        raise InvalidDeclaration(
            "The purpose is none. Send X-Purpose as at most 64 letters, digits and '_.:-', no 13 digits in a row."
        )
    if case is not None and not is_valid_case(case):
        raise InvalidDeclaration(
            "The case is none. Send X-Case as at most 64 letters, digits, spaces and '_.:/-', no 13 digits in a row."
        )
    if caller.purpose is not None and purpose not in {None, caller.purpose}:
        raise InvalidDeclaration("The token says another purpose than X-Purpose. Send the same, or none.")
    if caller.case is not None and case not in {None, caller.case}:
        raise InvalidDeclaration("The token says another case than X-Case. Send the same, or none.")
    if purpose in {None, caller.purpose} and case in {None, caller.case}:
        return caller
    return replace(caller, purpose=caller.purpose or purpose, case=caller.case or case)
