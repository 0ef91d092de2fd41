"""Checks the registered claims of an access token (RFC 7519, section 4.1). Pure.

Times are numbers (`NumericDate`), names are texts, and an audience is one name or several. joserfc checks the same
(`JWTClaimsRegistry`), but builds its rules for each token and looks up a method for each claim: 6 µs instead of 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final, TypeGuard

from auth.tokens.authentication_errors import build_refusal
from auth.tokens.issuers import Issuer

LEEWAY: Final = 10
"""Seconds by which the clocks of hub and issuer may differ."""
_INVALID: Final = "invalid_claim"
_EXPIRED: Final = "expired_token"


def check_registered_claims(claims: Mapping[str, Any], issuer: Issuer, now: int) -> None:
    """Check issuer, audience, subject, times and id; raises `Unauthenticated` for the first claim that is wrong."""
    if claims.get("iss") is None or claims.get("aud") is None or claims.get("exp") is None or claims.get("sub") is None:
        raise build_refusal("missing_claim")
    for name, value in claims.items():
        judge = _JUDGES.get(name)
        if judge is not None:
            reason = judge(value, issuer, now)
            if reason is not None:
                raise build_refusal(reason)


def _judge_issuer(value: object, issuer: Issuer, _now: int) -> str | None:
    return None if value == issuer.url else _INVALID


def _judge_audience(value: object, issuer: Issuer, _now: int) -> str | None:
    if isinstance(value, str):
        return None if value in issuer.audience else _INVALID
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        return _INVALID
    return None if any(each in issuer.audience for each in value) else _INVALID


def _judge_subject(value: object, _issuer: Issuer, _now: int) -> str | None:
    return None if isinstance(value, str) and value else _INVALID


def _judge_id(value: object, _issuer: Issuer, _now: int) -> str | None:
    return None if isinstance(value, str) else _INVALID


def _judge_expiry(value: object, _issuer: Issuer, now: int) -> str | None:
    if not _is_numeric_date(value):
        return _INVALID
    return _EXPIRED if value <= now - LEEWAY else None


def _judge_start(value: object, _issuer: Issuer, now: int) -> str | None:
    return None if _is_numeric_date(value) and value <= now + LEEWAY else _INVALID


_JUDGES: Final[Mapping[str, Callable[[object, Issuer, int], str | None]]] = {
    "iss": _judge_issuer,
    "aud": _judge_audience,
    "sub": _judge_subject,
    "jti": _judge_id,
    "exp": _judge_expiry,
    "nbf": _judge_start,
    "iat": _judge_start,
}


def _is_numeric_date(value: object) -> TypeGuard[int | float]:
    """Whether a claim is a number. Numbers such as 1e999 are infinite in Python."""
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and isfinite(value))
