"""Verifies the bearer token of the `Authorization` header and returns its caller.

Tokens are JSON Web Tokens (RFC 7519), signed by an issuer that the operator trusts. Only asymmetric algorithms are
accepted, so the hub can verify tokens but never sign one. The checks are, in this order: form and size, issuer, type
(RFC 9068), algorithm, key, signature, times and audience, the bound certificate (RFC 8705), and the claims.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from time import time
from typing import Any

from joserfc.errors import JoseError

from auth.caller import ANONYMOUS, Caller
from auth.tokens.authentication_errors import KeysUnavailable, Unauthenticated, build_refusal
from auth.tokens.caller_claims import IssuerNotAuthorized, build_caller, get_certificate_thumbprint
from auth.tokens.issuer_keys import MIN_REFRESH_INTERVAL, IssuerKeys
from auth.tokens.issuers import Issuer
from auth.tokens.key_sets import PublicKey
from auth.tokens.registered_claims import LEEWAY, check_registered_claims
from auth.tokens.token_parser import UnverifiedToken, parse_token
from auth.tokens.unverified_claims import UnverifiedClaims
from auth.tokens.verified_token_cache import LIFETIME_SECONDS, VerifiedTokenCache

__all__ = ["LEEWAY", "KeysUnavailable", "TokenVerifier", "Unauthenticated"]

_DECODING_ERRORS = (JoseError, ValueError, TypeError, RecursionError)
_LAST_MOMENT = 253_402_300_799
"""The end of the year 9999. Whole numbers in JSON have no bound, and large ones do not convert to a float."""


class TokenVerifier:
    """Verifies bearer tokens."""

    def __init__(
        self,
        issuers: Iterable[IssuerKeys],
        *,
        cache: VerifiedTokenCache | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        """Takes the issuers with their keys, and the clock for the times in tokens.

        `cache` stores verified tokens. It must belong to this verifier alone, because another one has other keys.
        Without it, every token is verified each time.
        """
        self._issuers = {each.issuer.url: each for each in issuers}
        self._cache = cache
        self._clock = clock

    def verify(self, authorization: str | None, certificate: str | None = None) -> Caller | Awaitable[Caller]:
        """The caller of the token in the header; anonymous without a header.

        `certificate` is the thumbprint of the client's certificate in the form of RFC 8705, if any. The result is
        awaitable only if the issuer's keys must be fetched. Raises `Unauthenticated`, and `KeysUnavailable` if the
        token cannot be verified for lack of keys.
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
        """Whether the header holds a token that was verified before and has not expired, so it is not a guess."""
        scheme, _, token = authorization.strip().partition(" ")
        return self._cache is not None and scheme.lower() == "bearer" and self._cache.was_verified(token.strip())

    def find_recent_caller(self, authorization: str, certificate: str | None = None) -> Caller | None:
        """The caller of a token that was verified less than 60 seconds ago; checks no signature."""
        scheme, _, token = authorization.strip().partition(" ")
        if self._cache is None or scheme.lower() != "bearer":
            return None
        return self._cache.find_caller(token.strip(), certificate)

    def parse_unverified_claims(self, authorization: str) -> UnverifiedClaims | None:
        """The claims of the token in the header, without verification; None if they name no caller."""
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

    def _check_signature(
        self, token: UnverifiedToken, issuer: Issuer, key: PublicKey, certificate: str | None
    ) -> Caller:
        check = key.find_check(token.algorithm)
        if check is None:
            raise build_refusal("unsupported_algorithm")
        try:
            # The signature alone: `parse_token` parsed the same bytes strictly, and joserfc would parse them again, in
            # a sixth of the time of a verification.
            is_valid = check(token.signed_part, token.signature)
        except _DECODING_ERRORS as error:
            raise _to_unauthenticated(error) from error
        if not is_valid:
            raise build_refusal("bad_signature")
        try:
            return self._check_claims(token, issuer, certificate)
        except Unauthenticated as refusal:
            # The signature is valid, so the token is not a guess. Caching the refusal saves checking it again.
            refusal.is_signed = True
            if self._cache is not None:
                wait = _get_valid_from(token.claims) - self._clock()
                self._cache.put_refusal(
                    token.text, certificate, str(refusal), seconds=wait if wait > 0 else LIFETIME_SECONDS
                )
            raise

    def _check_claims(self, token: UnverifiedToken, issuer: Issuer, certificate: str | None) -> Caller:
        """The caller of a token with a valid signature; raises `Unauthenticated`."""
        now = self._clock()
        claims = token.claims
        if not (_is_time(claims.get("iat")) and _is_time(claims.get("nbf"))):
            raise build_refusal("invalid_claim")
        check_registered_claims(claims, issuer, int(now))
        expires = _check_lifetime(claims, issuer, now)
        try:
            bound = get_certificate_thumbprint(claims)
            caller = build_caller(claims, issuer)
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
            begins = _get_valid_from(claims)
            self._cache.put(token.text, caller, expires=expires + LEEWAY, valid_from=begins, certificate=bound)
        return caller

    def __repr__(self) -> str:
        """The number of issuers."""
        return f"<TokenVerifier {len(self._issuers)} issuers>"


def _to_unauthenticated(error: Exception) -> Unauthenticated:
    """The error for the caller, without joserfc's message, which may quote claims."""
    return build_refusal(getattr(error, "error", "") or "malformed_token")


def _check_lifetime(claims: Any, issuer: Issuer, now: float) -> float:  # noqa: ANN401 - its times are numbers
    """The expiry of the token, which does not live too long."""
    expires: float = claims["exp"]
    issued = claims.get("iat")
    if issued is not None and issued > expires:
        raise build_refusal("invalid_claim")
    if expires > (now if issued is None else issued) + issuer.longest_lifetime + LEEWAY:
        raise build_refusal("lives_too_long")
    return expires


def _is_time(claim: object) -> bool:
    """Whether a claim is absent, or a moment until the year 9999, in seconds since 1970."""
    if claim is None:
        return True
    return isinstance(claim, int | float) and not isinstance(claim, bool) and 0 <= claim <= _LAST_MOMENT


def _get_valid_from(claims: Mapping[str, Any]) -> float:
    """The start of the token's validity, with the leeway for clocks."""
    times = (claims.get("nbf"), claims.get("iat"))
    return max((each for each in times if _is_time(each) and each is not None), default=0) - LEEWAY


def _build_key_error(keys: IssuerKeys) -> Exception:
    """The error for an unknown key. After a failed fetch of keys the key may exist, so the token is not refused."""
    if keys.is_remote and keys.reason is not None:
        return KeysUnavailable(
            "The keys of the token's issuer are unavailable at the moment, so the token cannot be verified. "
            f"Try again in {MIN_REFRESH_INTERVAL:.0f} s."
        )
    return build_refusal("invalid_key_id")
