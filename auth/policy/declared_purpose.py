"""The purpose and case that a caller declares, in the token or in headers. Pure.

Officials, partners, agency systems and overseers declare them; declarations of other callers are ignored. This module
checks only the syntax. `auth/policy/decision.py` decides which purposes a role may state.
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
"""Kinds of caller that declare purpose and case. Overseers' purposes decide nothing, but they may need a case."""
_PURPOSE: Final = re.compile(r"(?!.*\d{13})[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}", re.ASCII)
_CASE: Final = re.compile(r"(?!.*\d{13})(?!.*//)[A-Za-z0-9][A-Za-z0-9_.:/ -]{0,63}", re.ASCII)


class InvalidDeclaration(Exception):  # noqa: N818 - names the condition
    """The purpose or case is malformed or contradicts the token. The text is safe to show and repeats neither."""


def is_valid_purpose(text: str) -> bool:
    """Whether the text is a purpose: at most 64 letters, digits and `_ . : -`, without the number of a person."""
    return _PURPOSE.fullmatch(text) is not None


def is_valid_case(text: str) -> bool:
    """Whether the text is a case number: like a purpose, but it may contain `/` and spaces.

    People see the cases for which their data was read, so a case must not be a web address: `//` is refused.
    """
    return _CASE.fullmatch(text) is not None and not text.endswith(" ")


def apply_declared_purpose(caller: Caller, *, purpose: str | None, case: str | None) -> Caller:
    """The caller with the purpose and case of the headers, if any. Those of the token take precedence.

    Raises `InvalidDeclaration` if one is malformed or differs from the token's.
    """
    if purpose is not None and not is_valid_purpose(purpose):
        raise InvalidDeclaration(
            "X-Purpose is malformed. Use at most 64 letters, digits and '_.:-', no 13 digits in a row."
        )
    if case is not None and not is_valid_case(case):
        raise InvalidDeclaration(
            "X-Case is malformed. Use at most 64 letters, digits, spaces and '_.:/-', no 13 digits in a row, no '//'."
        )
    if caller.purpose is not None and purpose not in {None, caller.purpose}:
        raise InvalidDeclaration("X-Purpose differs from the token's purpose. Send the same one, or no header.")
    if caller.case is not None and case not in {None, caller.case}:
        raise InvalidDeclaration("X-Case differs from the token's case. Send the same one, or no header.")
    if purpose in {None, caller.purpose} and case in {None, caller.case}:
        return caller
    return replace(caller, purpose=caller.purpose or purpose, case=caller.case or case)
