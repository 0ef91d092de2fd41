"""Verification of ID tokens, by which an issuer confirms a sign-in to a client (OpenID Connect Core 1.0, 3.1.3.7).

The hub's own pages use them to check that a response belongs to the sign-in that they began. The graph never accepts
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from hmac import compare_digest
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError

from auth.tokens.authentication_errors import Unauthenticated
from auth.tokens.issuer_keys import IssuerKeys
from auth.tokens.token_parser import UnverifiedToken, parse_token

_LEEWAY = 10
"""Seconds by which the clocks of hub and issuer may differ."""


class IdTokenRefused(Exception):  # noqa: N818 - names the condition
    """The ID token is not valid for this sign-in. The text is for the log and holds nothing of the token."""


async def verify_id_token(text: str, keys: IssuerKeys, *, client: str, nonce: str, now: float) -> Mapping[str, Any]:
    """The claims of an ID token for this client and this sign-in; raises `IdTokenRefused`."""
    try:
        token = parse_token(text)
    except Unauthenticated:
        raise IdTokenRefused("it is malformed") from None
    issuer = keys.issuer
    if token.type != "jwt" or token.algorithm not in issuer.algorithms:
        raise IdTokenRefused("the issuer does not use its type or algorithm")
    await check_signature(token, keys)
    registry = jwt.JWTClaimsRegistry(
        now=int(now),
        leeway=_LEEWAY,
        iss={"essential": True, "value": issuer.url},
        aud={"essential": True, "value": client},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
    )
    claims = token.claims
    try:
        registry.validate(dict(claims))
    except (JoseError, ValueError, TypeError) as error:
        raise IdTokenRefused(getattr(error, "error", "") or "its claims are invalid") from None
    if isinstance(claims["aud"], list) and claims["aud"] != [client] and claims.get("azp") != client:
        raise IdTokenRefused("it has further audiences, and no azp")
    if "azp" in claims and claims["azp"] != client:
        raise IdTokenRefused("it is for another client")
    claimed = claims.get("nonce")
    if not isinstance(claimed, str) or not compare_digest(claimed.encode(), nonce.encode()):
        raise IdTokenRefused("its nonce belongs to another sign-in")
    return claims


async def check_signature(token: UnverifiedToken, keys: IssuerKeys) -> None:
    """Check the signature of an ID token or a logout token; raises `IdTokenRefused`."""
    key = keys.find(token.kid)
    if key is None and keys.can_refresh:
        await keys.refresh()
        key = keys.find(token.kid)
    check = None if key is None else key.find_check(token.algorithm)
    if check is None:
        raise IdTokenRefused("the issuer has no such key for its algorithm")
    try:
        is_valid = check(token.signed_part, token.signature)
    except (JoseError, ValueError, TypeError):
        is_valid = False
    if not is_valid:
        raise IdTokenRefused("its signature is wrong")
