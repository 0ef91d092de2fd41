"""When a person last authenticated at the issuer: the claim `auth_time` (OpenID Connect Core 1.0, section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

_LEEWAY: Final = 10.0
"""Seconds by which the clocks of hub and issuer may differ."""


def parse_authentication_time(claims: Mapping[str, Any]) -> float | None:
    """Seconds since 1970; None where the claim is absent, or is no moment: a text, a boolean, zero or less."""
    moment = claims.get("auth_time")
    if isinstance(moment, bool) or not isinstance(moment, int | float):
        return None
    try:
        seconds = float(moment)
    except OverflowError:
        return None
    return seconds if isfinite(seconds) and seconds > 0 else None


def is_authentication_recent(moment: float | None, seconds: float, *, now: float) -> bool:
    """Whether a person authenticated within the given seconds; a time in the future does not count."""
    return moment is not None and now - seconds - _LEEWAY <= moment <= now + _LEEWAY
