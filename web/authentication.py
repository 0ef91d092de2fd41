"""Authenticates the caller of a request, and counts the request against the caller's rate.

Every endpoint that callers reach with a token uses `RequestAuthenticator.authenticate_and_charge`. A recently verified
token is a dictionary lookup: authentication waits only if an issuer's keys have to be fetched.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final, Protocol

from starlette.types import Scope

from auth.caller import ANONYMOUS, Caller
from auth.policy.declared_purpose import DECLARING_KINDS, InvalidDeclaration, apply_declared_purpose
from auth.tokens.authentication_errors import KeysUnavailable, Unauthenticated
from auth.tokens.issuer_keys import MIN_REFRESH_INTERVAL
from web.client_certificate import ClientCertificates
from web.http_errors import HttpError, HttpErrorCode
from web.rate_limits.caller_limiter import NO_LIMITER, CallerLimiter, charge_request
from web.rate_limits.failed_tokens import NO_FAILED_TOKENS, FailedTokenCounter
from web.request_headers import RequestHeaders
from web.settings import WebSettings

PURPOSE_HEADER: Final = "X-Purpose"
CASE_HEADER: Final = "X-Case"


class Authenticate(Protocol):
    """Verifies tokens."""

    def __call__(self, authorization: str | None, certificate: str | None, /) -> Caller | Awaitable[Caller]:
        """Verify the value of `Authorization`, with the thumbprint of the client's certificate.

        Raises `Unauthenticated`, and `KeysUnavailable` if the keys to verify it are unavailable.
        """


class RequestAuthenticator:
    """Authenticates requests, and counts them against their callers' rates."""

    def __init__(
        self,
        authenticate: Authenticate,
        settings: WebSettings,
        failed_tokens: FailedTokenCounter = NO_FAILED_TOKENS,
        caller_limiter: CallerLimiter = NO_LIMITER,
    ) -> None:
        """Takes the token verifier, the trusted sources of client certificates, and the limits of callers."""
        self._authenticate = authenticate
        self._failed_tokens = failed_tokens
        self._caller_limiter = caller_limiter
        header = settings.certificate_header
        self._certificates = (
            None
            if header is None
            else ClientCertificates(header, settings.trusted_proxies, trusts_loopback=settings.trusts_loopback)
        )

    async def authenticate_and_charge(self, scope: Scope) -> Caller:
        """The caller, after the request was counted against the caller's rate.

        Raises:
            HttpError: As `authenticate`, and RATE_LIMITED.

        """
        headers = RequestHeaders(scope)
        caller = await self.authenticate(scope, headers)
        await charge_request(self._caller_limiter.for_caller(caller, scope, headers))
        return caller

    async def authenticate(self, scope: Scope, headers: RequestHeaders) -> Caller:
        """The caller. `/graphql` calls this alone, because it may refuse the caller before the request is counted.

        Raises:
            HttpError: UNAUTHENTICATED, ISSUER_UNAVAILABLE, RATE_LIMITED after too many failed tokens, or BAD_REQUEST
            for an invalid purpose or case.

        """
        values = headers.getlist("authorization")
        if len(values) > 1:
            raise _build_unauthenticated_error("The Authorization header comes more than once. Send it once.")
        certificate = None if self._certificates is None else self._certificates.get_thumbprint(scope, headers)
        if values:
            self._failed_tokens.check(values[0], scope, headers)
        try:
            caller = self._authenticate(values[0] if values else None, certificate)
            if not isinstance(caller, Caller):  # the issuer is asked for its keys first
                caller = await caller
        except (Unauthenticated, KeysUnavailable) as error:
            await self._count_failure(error, scope, headers)
            raise _to_http_error(error) from error
        return caller if caller is ANONYMOUS else add_declared_purpose(caller, headers)

    def get_certificate_thumbprint(self, scope: Scope, headers: RequestHeaders) -> str | None:
        """The thumbprint of the client's certificate, if a trusted source sends it."""
        return None if self._certificates is None else self._certificates.get_thumbprint(scope, headers)

    async def _count_failure(
        self, error: Unauthenticated | KeysUnavailable, scope: Scope, headers: RequestHeaders
    ) -> None:
        """Count a failed token as a guess.

        A token with a valid signature is not a guess, even if it is expired, not yet valid, or for another audience:
        one address of a carrier always sends some. While an issuer does not answer, tokens are not counted.
        """
        if not isinstance(error, Unauthenticated) or error.is_signed:
            return
        if (pending := self._failed_tokens.count(scope, headers)) is not None:
            await pending


def add_declared_purpose(caller: Caller, headers: RequestHeaders) -> Caller:
    """The caller with the purpose and the case of the request, if callers of this kind state them.

    Raises:
        HttpError: BAD_REQUEST.

    """
    if caller.kind not in DECLARING_KINDS:
        return caller
    try:
        return apply_declared_purpose(
            caller, purpose=_get_single_header(headers, PURPOSE_HEADER), case=_get_single_header(headers, CASE_HEADER)
        )
    except InvalidDeclaration as error:
        raise HttpError(HttpErrorCode.BAD_REQUEST, str(error)) from error


def _get_single_header(headers: RequestHeaders, name: str) -> str | None:
    values = headers.getlist(name)
    if len(values) > 1:
        raise HttpError(HttpErrorCode.BAD_REQUEST, f"The header {name} comes more than once. Send it once.")
    return values[0] if values else None


def _to_http_error(error: Unauthenticated | KeysUnavailable) -> HttpError:
    if isinstance(error, Unauthenticated):
        return _build_unauthenticated_error(str(error))
    return HttpError(
        HttpErrorCode.ISSUER_UNAVAILABLE, str(error), headers={"Retry-After": f"{MIN_REFRESH_INTERVAL:.0f}"}
    )


def _build_unauthenticated_error(message: str) -> HttpError:
    return HttpError(HttpErrorCode.UNAUTHENTICATED, message, headers={"WWW-Authenticate": "Bearer"})
