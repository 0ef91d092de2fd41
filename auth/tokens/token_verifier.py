"""From the `Authorization` header to a proven caller.

Tokens are JSON Web Tokens (RFC 7519) signed by one of the issuers that the operator named. Only asymmetric algorithms
are accepted, so that the hub can check tokens but never make one. What is looked at, in this order: shape and size,
which issuer, type (RFC 9068), algorithm, key, signature, times and audience, the certificate it is bound to
(RFC 8705), whom its claims name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from time import time
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key

from auth.caller import ANONYMOUS, Caller
from auth.tokens.authentication_errors import KeysUnavailable, Unauthenticated, build_refusal
from auth.tokens.caller_claims import IssuerNotAuthorized, build_caller, get_certificate_thumbprint
from auth.tokens.issuer_keys import MIN_REFRESH_INTERVAL, IssuerKeys
from auth.tokens.issuers import Issuer
from auth.tokens.key_sets import can_verify
from auth.tokens.token_parser import UnverifiedToken, parse_token
from auth.tokens.unverified_claims import UnverifiedClaims
from auth.tokens.verified_token_cache import LIFETIME_SECONDS, VerifiedTokenCache

__all__ = ["LEEWAY", "KeysUnavailable", "TokenVerifier", "Unauthenticated"]

_DECODING_ERRORS = (JoseError, ValueError, TypeError, RecursionError)
LEEWAY = 10
"""Seconds by which the clocks of hub and issuer may differ."""


class TokenVerifier:
    """Reads callers out of bearer tokens."""

    def __init__(
        self,
        issuers: Iterable[IssuerKeys],
        *,
        cache: VerifiedTokenCache | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        """Take the issuers with their keys, and the clock that tokens are dated by.

        What a token proved is kept in `cache`, which belongs to this reader alone: what one set of keys proved says
        nothing about another. Without it, every token is checked every time.
        """
        self._issuers = {each.issuer.url: each for each in issuers}
        self._cache = cache
        self._clock = clock

    def verify(self, authorization: str | None, certificate: str | None = None) -> Caller | Awaitable[Caller]:
        """The caller that the header's value proves; anonymous without one.

        `certificate` is the thumbprint of the client's certificate, as RFC 8705 writes it, where there is one. To be
        awaited only where the issuer has to be asked for its keys. Raises `Unauthenticated`, and `KeysUnavailable`
        where nobody can tell.
        """
        if authorization is None:
            return ANONYMOUS
        scheme, _, token = authorization.strip().partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated(
                "The Authorization header holds no bearer token. Send 'Authorization: Bearer <token>'."
            )
        if self._cache is not None:
            caller = self._cache.find_caller(token, certificate)
            if caller is not None:
                return caller
            why = self._cache.find_refusal(token, certificate)
            if why is not None:
                raise Unauthenticated(why, is_signed=True)
        return self._verify_token(parse_token(token), certificate)

    def was_verified(self, authorization: str) -> bool:
        """Whether the header's value holds a token that proved somebody before, in its own time: no guess."""
        scheme, _, token = authorization.strip().partition(" ")
        return self._cache is not None and scheme.lower() == "bearer" and self._cache.was_verified(token.strip())

    def find_recent_caller(self, authorization: str, certificate: str | None = None) -> Caller | None:
        """Whom the header's value proved less than 60 seconds ago, as `verify` would say; checks no signature."""
        scheme, _, token = authorization.strip().partition(" ")
        if self._cache is None or scheme.lower() != "bearer":
            return None
        return self._cache.find_caller(token.strip(), certificate)

    def parse_unverified_claims(self, authorization: str) -> UnverifiedClaims | None:
        """Who the header's value says it is for, in the words of its issuer. Nothing of it is proven."""
        scheme, _, text = authorization.strip().partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            token = parse_token(text.strip())
            caller = build_caller(token.claims, self._find_issuer(token).issuer)
        except (Unauthenticated, ValueError):
            return None
        return UnverifiedClaims(caller.kind, caller.client)

    def _verify_token(self, token: UnverifiedToken, certificate: str | None) -> Caller | Awaitable[Caller]:
        keys = self._find_issuer(token)
        issuer = keys.issuer
        if token.type not in issuer.types:
            raise build_refusal("unsupported_type")
        if token.algorithm not in issuer.algorithms:
            raise build_refusal("unsupported_algorithm")
        key = keys.find(token.kid)
        if key is not None:
            return self._check_signature(token, issuer, key, certificate)
        if keys.can_refresh:
            return self._verify_after_refresh(token, keys, certificate)
        raise _build_key_error(keys)

    async def _verify_after_refresh(self, token: UnverifiedToken, keys: IssuerKeys, certificate: str | None) -> Caller:
        await keys.refresh()
        key = keys.find(token.kid)
        if key is None:
            raise _build_key_error(keys)
        return self._check_signature(token, keys.issuer, key, certificate)

    def _find_issuer(self, token: UnverifiedToken) -> IssuerKeys:
        name = token.claims.get("iss")
        if name is None:
            raise build_refusal("missing_claim")
        found = self._issuers.get(name) if isinstance(name, str) else None
        if found is None:
            raise build_refusal("unknown_issuer")
        return found

    def _check_signature(self, token: UnverifiedToken, issuer: Issuer, key: Key, certificate: str | None) -> Caller:
        if not can_verify(key, token.algorithm):
            raise build_refusal("unsupported_algorithm")
        try:
            # The same bytes that were read strictly a moment ago, so the library understands the same.
            jwt.decode(token.text, key, algorithms=[token.algorithm])
        except _DECODING_ERRORS as error:
            raise _to_unauthenticated(error) from error
        try:
            return self._check_claims(token, issuer, certificate)
        except Unauthenticated as refusal:
            # The issuer made this token, so it is no guess. Its signature need not be checked with each repetition.
            refusal.is_signed = True
            if self._cache is not None:
                wait = _get_valid_from(token.claims) - self._clock()
                self._cache.put_refusal(
                    token.text, certificate, str(refusal), seconds=wait if wait > 0 else LIFETIME_SECONDS
                )
            raise

    def _check_claims(self, token: UnverifiedToken, issuer: Issuer, certificate: str | None) -> Caller:
        """The caller, where the signature is the issuer's; raises `Unauthenticated`."""
        now = self._clock()
        try:
            _build_claims_registry(issuer, now=int(now)).validate(dict(token.claims))
        except _DECODING_ERRORS as error:
            raise _to_unauthenticated(error) from error
        expires, begins = _check_times(token.claims, issuer, now)
        try:
            bound = get_certificate_thumbprint(token.claims)
            caller = build_caller(token.claims, issuer)
        except IssuerNotAuthorized as error:
            raise Unauthenticated(str(error)) from error
        except ValueError as error:
            raise Unauthenticated(
                "The token's claims name no caller this hub knows. Ask the issuer for another."
            ) from error
        if bound != certificate and bound is not None:
            raise build_refusal("another_certificate")
        if bound is None and caller.kind in issuer.must_be_bound:
            raise build_refusal("not_bound_to_a_certificate")
        if self._cache is not None:
            self._cache.put(token.text, caller, expires=expires, valid_from=begins, certificate=bound)
        return caller

    def __repr__(self) -> str:
        """How many issuers, never whose tokens."""
        return f"<TokenReader {len(self._issuers)} issuers>"


def _to_unauthenticated(error: Exception) -> Unauthenticated:
    """Joserfc's own words may quote claims; the class of the error is enough for the caller."""
    return build_refusal(getattr(error, "error", "") or "malformed_token")


def _build_claims_registry(issuer: Issuer, *, now: int) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        now=now,
        leeway=LEEWAY,
        iss={"essential": True, "value": issuer.url},
        aud={"essential": True, "values": list(issuer.audience)},
        exp={"essential": True},
        sub={"essential": True},
    )


def _check_times(claims: Any, issuer: Issuer, now: float) -> tuple[float, float]:  # noqa: ANN401 - numbers, as the registry made sure
    """Until when and from when the token is good, the difference of clocks allowed for."""
    expires = claims["exp"]
    issued = claims.get("iat")
    if issued is not None and issued > expires:
        raise build_refusal("invalid_claim")
    if expires > (now if issued is None else issued) + issuer.longest_lifetime + LEEWAY:
        raise build_refusal("lives_too_long")
    return expires + LEEWAY, _get_valid_from(claims)


def _get_valid_from(claims: Mapping[str, Any]) -> float:
    """From when the token can be good, the difference of clocks allowed for; nonsense says nothing."""
    times = (claims.get("nbf"), claims.get("iat"))
    return max((each for each in times if isinstance(each, (int, float))), default=0) - LEEWAY


def _build_key_error(keys: IssuerKeys) -> Exception:
    """Who has the issuer's keys can say that none of them is meant; who has not, or not anew, cannot."""
    if keys.is_remote and keys.reason is not None:
        return KeysUnavailable(
            "The keys of the token's issuer cannot be had at the moment, so nobody can tell whether it is good. "
            f"Try again in {MIN_REFRESH_INTERVAL:.0f} s."
        )
    return build_refusal("invalid_key_id")
