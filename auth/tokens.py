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
from auth.claimed import Claimed
from auth.claims import NotBelieved, caller_of, certificate_of
from auth.issuer_keys import INTERVAL, IssuerKeys
from auth.issuers import Issuer
from auth.key_sets import checks_by
from auth.known_tokens import SECONDS, KnownTokens
from auth.presented_token import PresentedToken, read_token
from auth.unproven import KeysUnavailable, Unauthenticated, refused

__all__ = ["LEEWAY", "KeysUnavailable", "TokenReader", "Unauthenticated"]

_BAD = (JoseError, ValueError, TypeError, RecursionError)
LEEWAY = 10
"""Seconds by which the clocks of hub and issuer may differ."""


class TokenReader:
    """Reads callers out of bearer tokens."""

    def __init__(
        self, issuers: Iterable[IssuerKeys], *, known: KnownTokens | None = None, clock: Callable[[], float] = time
    ) -> None:
        """Take the issuers with their keys, and the clock that tokens are dated by.

        What a token proved is kept in `known`, which belongs to this reader alone: what one set of keys proved says
        nothing about another. Without it, every token is checked every time.
        """
        self._issuers = {each.issuer.url: each for each in issuers}
        self._known = known
        self._clock = clock

    def caller(self, authorization: str | None, certificate: str | None = None) -> Caller | Awaitable[Caller]:
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
        if self._known is not None:
            caller = self._known.caller(token, certificate)
            if caller is not None:
                return caller
            why = self._known.refusal(token, certificate)
            if why is not None:
                raise Unauthenticated(why, signed=True)
        return self._proven(read_token(token), certificate)

    def proved(self, authorization: str) -> bool:
        """Whether the header's value holds a token that proved somebody before, in its own time: no guess."""
        scheme, _, token = authorization.strip().partition(" ")
        return self._known is not None and scheme.lower() == "bearer" and self._known.proved(token.strip())

    def lately(self, authorization: str, certificate: str | None = None) -> Caller | None:
        """Whom the header's value proved less than 60 seconds ago, as `caller` would say; checks no signature."""
        scheme, _, token = authorization.strip().partition(" ")
        if self._known is None or scheme.lower() != "bearer":
            return None
        return self._known.caller(token.strip(), certificate)

    def claimed(self, authorization: str) -> Claimed | None:
        """Who the header's value says it is for, in the words of its issuer. Nothing of it is proven."""
        scheme, _, text = authorization.strip().partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            token = read_token(text.strip())
            caller = caller_of(token.claims, self._issuer(token).issuer)
        except (Unauthenticated, ValueError):
            return None
        return Claimed(caller.kind, caller.client)

    def _proven(self, token: PresentedToken, certificate: str | None) -> Caller | Awaitable[Caller]:
        keys = self._issuer(token)
        issuer = keys.issuer
        if token.type not in issuer.types:
            raise refused("unsupported_type")
        if token.algorithm not in issuer.algorithms:
            raise refused("unsupported_algorithm")
        key = keys.find(token.kid)
        if key is not None:
            return self._checked(token, issuer, key, certificate)
        if keys.may_learn:
            return self._after_learning(token, keys, certificate)
        raise _without_a_key(keys)

    async def _after_learning(self, token: PresentedToken, keys: IssuerKeys, certificate: str | None) -> Caller:
        await keys.learn()
        key = keys.find(token.kid)
        if key is None:
            raise _without_a_key(keys)
        return self._checked(token, keys.issuer, key, certificate)

    def _issuer(self, token: PresentedToken) -> IssuerKeys:
        name = token.claims.get("iss")
        if name is None:
            raise refused("missing_claim")
        found = self._issuers.get(name) if isinstance(name, str) else None
        if found is None:
            raise refused("unknown_issuer")
        return found

    def _checked(self, token: PresentedToken, issuer: Issuer, key: Key, certificate: str | None) -> Caller:
        if not checks_by(key, token.algorithm):
            raise refused("unsupported_algorithm")
        try:
            # The same bytes that were read strictly a moment ago, so the library understands the same.
            jwt.decode(token.text, key, algorithms=[token.algorithm])
        except _BAD as error:
            raise _refused_for(error) from error
        try:
            return self._believed(token, issuer, certificate)
        except Unauthenticated as refusal:
            # The issuer made this token, so it is no guess. Its signature need not be checked with each repetition.
            refusal.signed = True
            if self._known is not None:
                wait = _begins(token.claims) - self._clock()
                self._known.refuse(token.text, certificate, str(refusal), seconds=wait if wait > 0 else SECONDS)
            raise

    def _believed(self, token: PresentedToken, issuer: Issuer, certificate: str | None) -> Caller:
        """The caller, where the signature is the issuer's; raises `Unauthenticated`."""
        now = self._clock()
        try:
            _registry(issuer, now=int(now)).validate(dict(token.claims))
        except _BAD as error:
            raise _refused_for(error) from error
        expires, begins = _times(token.claims, issuer, now)
        try:
            bound = certificate_of(token.claims)
            caller = caller_of(token.claims, issuer)
        except NotBelieved as error:
            raise Unauthenticated(str(error)) from error
        except ValueError as error:
            raise Unauthenticated(
                "The token's claims name no caller this hub knows. Ask the issuer for another."
            ) from error
        if bound != certificate and bound is not None:
            raise refused("another_certificate")
        if bound is None and caller.kind in issuer.must_be_bound:
            raise refused("not_bound_to_a_certificate")
        if self._known is not None:
            self._known.keep(token.text, caller, expires=expires, begins=begins, certificate=bound)
        return caller

    def __repr__(self) -> str:
        """How many issuers, never whose tokens."""
        return f"<TokenReader {len(self._issuers)} issuers>"


def _refused_for(error: Exception) -> Unauthenticated:
    """Joserfc's own words may quote claims; the class of the error is enough for the caller."""
    return refused(getattr(error, "error", "") or "malformed_token")


def _registry(issuer: Issuer, *, now: int) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        now=now,
        leeway=LEEWAY,
        iss={"essential": True, "value": issuer.url},
        aud={"essential": True, "values": list(issuer.audience)},
        exp={"essential": True},
        sub={"essential": True},
    )


def _times(claims: Any, issuer: Issuer, now: float) -> tuple[float, float]:  # noqa: ANN401 - numbers, as the registry made sure
    """Until when and from when the token is good, the difference of clocks allowed for."""
    expires = claims["exp"]
    issued = claims.get("iat")
    if issued is not None and issued > expires:
        raise refused("invalid_claim")
    if expires > (now if issued is None else issued) + issuer.longest_lifetime + LEEWAY:
        raise refused("lives_too_long")
    return expires + LEEWAY, _begins(claims)


def _begins(claims: Mapping[str, Any]) -> float:
    """From when the token can be good, the difference of clocks allowed for; nonsense says nothing."""
    said = (claims.get("nbf"), claims.get("iat"))
    return max((each for each in said if isinstance(each, (int, float))), default=0) - LEEWAY


def _without_a_key(keys: IssuerKeys) -> Exception:
    """Who has the issuer's keys can say that none of them is meant; who has not, or not anew, cannot."""
    if keys.remote and keys.reason is not None:
        return KeysUnavailable(
            "The keys of the token's issuer cannot be had at the moment, so nobody can tell whether it is good. "
            f"Try again in {INTERVAL:.0f} s."
        )
    return refused("invalid_key_id")
