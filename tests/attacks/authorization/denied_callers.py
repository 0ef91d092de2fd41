"""Callers who ask for other people's data, and the reason for which each is denied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from auth.caller import ANONYMOUS, Assurance, Caller, CallerKind
from records.purposes import Purpose, Scope
from tests.fakes.clients import build_client
from tests.fakes.small_records import BUDI, SITI
from tests.schema.declared_access import DeclaredAccess

SURE = Assurance.SUBSTANTIAL
ALL_SCOPES = frozenset(scope.value for scope in Scope)


@dataclass(frozen=True)
class DeniedCaller:
    """A caller, and the reason for which a field about Siti is denied; None if they may see it."""

    caller: Caller
    reason: Callable[[DeclaredAccess], str | None]


def _deny_citizen(access: DeclaredAccess) -> str:
    return "NOT_YOURS" if access.rules & {"SELF", "GUARDIAN", "ASSISTANT"} else "NOT_FOR_CITIZENS"


def _deny_low_assurance(access: DeclaredAccess) -> str | None:
    if "SELF" not in access.rules:
        return _deny_citizen(access)
    return "ASSURANCE_TOO_LOW" if access.specific else None


def _build_purpose_reason(
    purpose: str, rule: str, otherwise: str, fixed_reason: str
) -> Callable[[DeclaredAccess], str | None]:
    """The reason for a caller of this rule: a fixed one, or that the purpose does not cover the field."""

    def reason(access: DeclaredAccess) -> str | None:
        if rule not in access.rules:
            return otherwise
        covered = not access.purposes or purpose in access.purposes
        return fixed_reason or (None if covered else "PURPOSE_DOES_NOT_COVER")

    return reason


def _official(agency: str, purpose: str | None, case: str | None, fixed_reason: str = "") -> DeniedCaller:
    caller = Caller(kind=CallerKind.OFFICIAL, agency=agency, purpose=purpose, case=case)
    return DeniedCaller(caller, _build_purpose_reason(purpose or "", "OFFICIAL", "NOT_FOR_OFFICIALS", fixed_reason))


def _system(purpose: str | None, case: str | None, fixed_reason: str) -> DeniedCaller:
    caller = Caller(
        kind=CallerKind.AGENCY_SYSTEM,
        agency="pbb",
        client=build_client("sismiop"),
        purpose=purpose,
        case=case,
    )
    return DeniedCaller(caller, _build_purpose_reason(purpose or "", "AGENCY_SYSTEM", "NOT_FOR_SYSTEMS", fixed_reason))


def _partner(purpose: str | None, scopes: frozenset[str], fixed_reason: str) -> DeniedCaller:
    caller = Caller(
        kind=CallerKind.PARTNER, client=build_client("bank"), purpose=purpose, case="KREDIT/1", scopes=scopes
    )
    stating = _build_purpose_reason(purpose or "", "PARTNER", "NOT_FOR_PARTNERS", fixed_reason)

    def reason(access: DeclaredAccess) -> str | None:
        found = stating(access)
        if found not in {"CONSENT_REQUIRED", "SCOPE_REQUIRED"}:
            return found
        if access.purposes and purpose not in access.purposes:
            return "PURPOSE_DOES_NOT_COVER"
        return found if access.scope else "CONSENT_REQUIRED"  # data about a consent needs no scope

    return DeniedCaller(caller, reason)


def _overseer(rule: str, otherwise: str | None = None) -> Callable[[DeclaredAccess], str | None]:
    """The reason for an overseer of this rule. With `otherwise`, they are denied although the field names the rule."""

    def reason(access: DeclaredAccess) -> str | None:
        if rule not in access.rules:
            return "NOT_FOR_YOUR_ROLE"
        return otherwise or ("CASE_REQUIRED" if access.case else None)

    return reason


def _always_deny(reason: str) -> Callable[[DeclaredAccess], str]:
    return lambda _access: reason


CREDIT = Purpose.CREDIT_ASSESSMENT.name

DENIED_CALLERS: dict[str, DeniedCaller] = {
    "anonymous": DeniedCaller(ANONYMOUS, _always_deny("SIGN_IN")),
    "another citizen": DeniedCaller(
        Caller(kind=CallerKind.CITIZEN, first_party=True, nik=BUDI, assurance=SURE), _deny_citizen
    ),
    "another citizen, unsure": DeniedCaller(Caller(kind=CallerKind.CITIZEN, first_party=True, nik=BUDI), _deny_citizen),
    "the person, unsure": DeniedCaller(
        Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI, assurance=Assurance.LOW), _deny_low_assurance
    ),
    "an assistant of another": DeniedCaller(
        Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI, on_behalf_of=BUDI, assurance=SURE), _deny_citizen
    ),
    "an official without a purpose": _official("dukcapil", None, "C/1", "PURPOSE_REQUIRED"),
    "an official without a case": _official("dukcapil", "SUBJECT_REQUEST", None, "CASE_REQUIRED"),
    "an official with another agency's purpose": _official("dukcapil", "TAX_ASSESSMENT", "C/1", "PURPOSE_NOT_ALLOWED"),
    "an official with a purpose of their own making": _official("dukcapil", "curious", "C/1", "PURPOSE_NOT_ALLOWED"),
    "an official of an agency without purposes": _official("parks", "SUBJECT_REQUEST", "C/1", "PURPOSE_NOT_ALLOWED"),
    "an official of schools": _official("disdik", "EDUCATION", "C/1"),
    "an official of complaints": _official("crm", "COMPLAINT_HANDLING", "C/1"),
    "a system without a purpose": _system(None, "C/1", "PURPOSE_REQUIRED"),
    "a system without a case": _system("TAX_ASSESSMENT", None, "CASE_REQUIRED"),
    "a system with another agency's purpose": _system("HEALTHCARE", "C/1", "PURPOSE_NOT_ALLOWED"),
    "a partner without consent": _partner(CREDIT, ALL_SCOPES, "CONSENT_REQUIRED"),
    "a partner without the scope": _partner(CREDIT, frozenset({"openid"}), "SCOPE_REQUIRED"),
    "a partner without a purpose": _partner(None, ALL_SCOPES, "PURPOSE_REQUIRED"),
    "a partner with a purpose of the state": _partner("TAX_ASSESSMENT", ALL_SCOPES, "PURPOSE_NOT_ALLOWED"),
    "another business": DeniedCaller(
        Caller(kind=CallerKind.BUSINESS, nib="9120009999999"),
        lambda access: "NOT_YOUR_BUSINESS" if "BUSINESS" in access.rules else "NOT_FOR_BUSINESSES",
    ),
    "a supervisor of another agency": DeniedCaller(
        Caller(kind=CallerKind.SUPERVISOR, agency="pbb"), _overseer("SUPERVISOR", "NOT_YOUR_AGENCY")
    ),
    "a supervisor": DeniedCaller(Caller(kind=CallerKind.SUPERVISOR, agency="dukcapil"), _overseer("SUPERVISOR")),
    "a steward": DeniedCaller(Caller(kind=CallerKind.STEWARD), _always_deny("NOT_FOR_YOUR_ROLE")),
    "an auditor": DeniedCaller(Caller(kind=CallerKind.AUDITOR), _overseer("AUDITOR")),
    "the protection officer without a case": DeniedCaller(
        Caller(kind=CallerKind.PROTECTION_OFFICER), _overseer("PROTECTION_OFFICER")
    ),
    "an operator": DeniedCaller(Caller(kind=CallerKind.OPERATOR), _always_deny("NOT_FOR_YOUR_ROLE")),
}
