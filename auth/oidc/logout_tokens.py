"""Verification of logout tokens, by which an issuer ends sessions of a client (Back-Channel Logout 1.0, section 2.6).

A token that is sent again ends nothing new: it ends only sessions that began before it was issued. So their ids (`jti`)
are not stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError

from auth.oidc.id_tokens import IdTokenRefused, check_signature
from auth.tokens.authentication_errors import Unauthenticated
from auth.tokens.issuer_keys import IssuerKeys
from auth.tokens.token_parser import parse_token

_TYPES: Final = frozenset({"logout+jwt", "jwt"})
"""The second is of issuers from before the type was registered; the events tell such tokens from others."""
_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_LEEWAY: Final = 10
"""Seconds by which the clocks of hub and issuer may differ."""
_LIFETIME: Final = 300
"""Seconds after its issue in which a token is accepted, whatever expiry it has."""
_MAX_LENGTH: Final = 255


class LogoutTokenRefused(Exception):  # noqa: N818 - names the condition
    """The logout token is not valid. The text is for the log and holds nothing of the token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerLogout:
    """The sessions that the issuer ended: of one sign-in, or of a person."""

    subject: str | None = field(repr=False)
    """Issuer and `sub` of the person, as `SignedInSession.subject` has them."""
    sign_in: str | None = field(repr=False)
    """Issuer and `sid` of one sign-in."""
    age: float
    """Seconds since it was issued, without the leeway for clocks. Younger sessions go on."""


def name_sign_in(issuer: str, claims: Mapping[str, Any]) -> str | None:
    """Issuer and `sid` of an ID token or a logout token; None without a usable one."""
    sid = claims.get("sid")
    return f"{issuer} {sid}" if isinstance(sid, str) and 0 < len(sid) <= _MAX_LENGTH and sid.isprintable() else None


async def verify_logout_token(text: str, keys: IssuerKeys, *, client: str, now: float) -> IssuerLogout:
    """The logout of a token for this client; raises `LogoutTokenRefused`."""
    try:
        token = parse_token(text)
    except Unauthenticated:
        raise LogoutTokenRefused("it is malformed") from None
    issuer = keys.issuer
    if token.type not in _TYPES or token.algorithm not in issuer.algorithms:
        raise LogoutTokenRefused("the issuer does not use its type or algorithm")
    try:
        await check_signature(token, keys)
    except IdTokenRefused as refusal:
        raise LogoutTokenRefused(str(refusal)) from None
    claims = token.claims
    registry = jwt.JWTClaimsRegistry(
        now=int(now),
        leeway=_LEEWAY,
        iss={"essential": True, "value": issuer.url},
        aud={"essential": True, "value": client},
        iat={"essential": True},
    )
    try:
        registry.validate(dict(claims))
    except (JoseError, ValueError, TypeError) as error:
        raise LogoutTokenRefused(getattr(error, "error", "") or "its claims are invalid") from None
    if claims["iat"] < now - _LIFETIME - _LEEWAY:
        raise LogoutTokenRefused("it was issued too long ago")
    events = claims.get("events")
    if not isinstance(events, Mapping) or not isinstance(events.get(_EVENT), Mapping) or "nonce" in claims:
        raise LogoutTokenRefused("it is a token of another kind")
    subject, sign_in = claims.get("sub"), name_sign_in(issuer.url, claims)
    if (subject is None and sign_in is None) or not isinstance(subject, str | None):
        raise LogoutTokenRefused("it names no person and no sign-in")
    return IssuerLogout(
        subject=None if subject is None else f"{issuer.url} {subject}",
        sign_in=sign_in,
        age=max(0.0, now - claims["iat"] - _LEEWAY),
    )
