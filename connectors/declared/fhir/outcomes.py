"""What an OperationOutcome of a FHIR server means (HL7 FHIR R4, OperationOutcome and its issue types)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused, AgencyUnavailable

OUTCOME: Final = "OperationOutcome"
_FATAL: Final = frozenset({"error", "fatal"})
_UNAVAILABLE: Final = frozenset({"transient", "lock-error", "no-store", "exception", "timeout", "incomplete"})
_REFUSED: Final = frozenset(
    {"invalid", "structure", "required", "value", "invariant", "security", "login", "unknown", "expired", "forbidden"}
    | {"suppressed", "processing", "not-supported", "duplicate", "multiple-matches", "too-long", "code-invalid"}
    | {"extension", "too-costly", "business-rule", "conflict", "throttled", "not-found", "deleted"}
)
_TOO_MANY: Final = 429
_FIRST_ERROR: Final = 400
_FIRST_SERVER_ERROR: Final = 500
_PAUSE: Final = 5.0
"""Seconds without calls after a server is throttled and does not say for how long."""


def is_outcome(value: object) -> bool:
    """Whether a resource is an OperationOutcome."""
    return isinstance(value, Mapping) and value.get("resourceType") == OUTCOME


def find_problem(agency: str, outcome: object) -> AgencyFailure | None:
    """The failure that an outcome reports; None if it holds notes only, such as of an ignored parameter."""
    codes = list(_list_codes(outcome))
    return _build_failure(agency, codes, f"{OUTCOME} {codes[0]}".rstrip()) if codes else None


def judge_status(agency: str, status: int, outcome: object, retry_after: float | None = None) -> AgencyFailure:
    """The failure that an HTTP status beside 2xx means, with its outcome, if any.

    So does 404: a search without matches is an empty Bundle, and servers answer `not-found` for types that they lack.
    """
    codes = list(_list_codes(outcome))
    detail = f"HTTP {status} {codes[0] if codes else ''}".rstrip()
    if status < _FIRST_ERROR:
        return AgencyMalformed(agency, detail)
    if status == _TOO_MANY:
        return AgencyRefused(agency, detail, retry_after=retry_after or _PAUSE)
    if status >= _FIRST_SERVER_ERROR:
        return AgencyUnavailable(agency, detail, retry_after=retry_after)
    return _build_failure(agency, codes, detail)


def _build_failure(agency: str, codes: list[str], detail: str) -> AgencyFailure:
    if "throttled" in codes:
        return AgencyRefused(agency, detail, retry_after=_PAUSE)
    if _UNAVAILABLE.intersection(codes):
        return AgencyUnavailable(agency, detail)
    return AgencyRefused(agency, detail)


def _list_codes(outcome: object) -> Iterator[str]:
    """The codes of its errors; an unknown one, which could hold anything, is empty."""
    if not is_outcome(outcome) or not isinstance(outcome, Mapping):
        return
    issues = outcome.get("issue")
    for each in issues if isinstance(issues, list) else []:
        if isinstance(each, Mapping) and each.get("severity") in _FATAL:
            code = each.get("code")
            yield code if isinstance(code, str) and code in _REFUSED | _UNAVAILABLE else ""
