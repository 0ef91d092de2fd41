"""From the `Authorization` header to a proven caller.

Tokens are JSON Web Tokens (RFC 7519) signed by an issuer whose public keys the hub holds. Only asymmetric
algorithms are accepted, so that the hub can check tokens but never make one.
"""

from __future__ import annotations

import re
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from auth.caller import ANONYMOUS, Caller, CallerKind
from auth.known_tokens import KnownTokens
from records.identifiers import Nik

ALGORITHMS = ["ES256", "Ed25519"]
"""By their names of RFC 9864; under the older name `EdDSA` the curve is anybody's guess."""
_LONGEST_TOKEN = 8192
_NIK = re.compile(r"\d{16}", re.ASCII)


class Unauthenticated(Exception):  # noqa: N818 - the standard term
    """The token proves nobody; the text is safe to show and never holds the token."""


class TokenReader:
    """Reads callers out of bearer tokens."""

    def __init__(self, *, keys: KeySet, issuer: str, audience: str, known: KnownTokens | None = None) -> None:
        """Take the issuer's public keys, its name (`iss`) and the hub's own name (`aud`).

        What a token proved is kept in `known`, which belongs to this reader alone: what one set of keys proved says
        nothing about another. Without it, every token is checked every time.
        """
        self._keys = keys
        self._known = known
        self._claims = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    def caller(self, authorization: str | None) -> Caller:
        """The caller that the header's value proves; anonymous without one; raises `Unauthenticated`."""
        if authorization is None:
            return ANONYMOUS
        scheme, _, token = authorization.strip().partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated(
                "The Authorization header holds no bearer token. Send 'Authorization: Bearer <token>'."
            )
        return self._proven(token.strip())

    def _proven(self, token: str) -> Caller:
        if self._known is None:
            return _caller_of(self._verified(token))
        caller = self._known.caller(token)
        if caller is None:
            claims = self._verified(token)
            caller = _caller_of(claims)
            # `_verified` let pass numbers only.
            begins = max(claims.get("nbf") or 0, claims.get("iat") or 0)
            self._known.keep(token, caller, expires=claims["exp"], begins=begins)
        return caller

    def _verified(self, token: str) -> dict[str, Any]:
        if len(token) > _LONGEST_TOKEN:
            raise Unauthenticated(f"The token is longer than {_LONGEST_TOKEN} characters. Ask the issuer for another.")
        try:
            decoded = jwt.decode(token, self._keys, algorithms=ALGORITHMS)
            self._claims.validate(decoded.claims)
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            # joserfc's own words may quote claims; the class of the error is enough for the caller.
            reason = getattr(error, "error", "") or "not a token of this issuer"
            raise Unauthenticated(f"The token was refused ({reason}). Sign in again for a new one.") from error
        return dict(decoded.claims)

    def __repr__(self) -> str:
        """How many keys, never which."""
        return f"<TokenReader {len(self._keys.keys)} keys>"


def _caller_of(claims: dict[str, Any]) -> Caller:
    kind, nik, agency = claims.get("kind"), claims.get("nik"), claims.get("agency")
    try:
        return Caller(kind=CallerKind(kind), nik=_nik(nik), agency=_agency(agency))
    except ValueError as error:
        raise Unauthenticated(
            "The token's claims name no caller this hub knows. Ask the issuer for another."
        ) from error


def _nik(claim: object) -> Nik | None:
    if claim is None:
        return None
    if not isinstance(claim, str) or not _NIK.fullmatch(claim):
        raise ValueError("The claim 'nik' is no NIK.")
    return Nik(claim)


def _agency(claim: object) -> str | None:
    if claim is None:
        return None
    if not isinstance(claim, str) or not claim.strip():
        raise ValueError("The claim 'agency' names no agency.")
    return claim
