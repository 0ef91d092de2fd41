"""Who asks: from a request's headers to a caller, and from what proves nobody to a refusal.

A token that is known is a matter of a dictionary, so the caller comes as it is and not as a coroutine; only where an
issuer has to be asked for its keys there is something to wait for.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final, Protocol

from starlette.types import Scope

from auth.caller import ANONYMOUS, Caller
from auth.issuer_keys import INTERVAL
from auth.statement import STATING, Misstated, stating
from auth.unproven import KeysUnavailable, Unauthenticated
from web.client_certificate import ClientCertificates
from web.failed_tokens import FailedTokens
from web.refusals import Code, Refusal
from web.request_headers import RequestHeaders
from web.settings import WebSettings

PURPOSE: Final = "X-Purpose"
CASE: Final = "X-Case"


class Authenticate(Protocol):
    """Proves who asks."""

    def __call__(self, authorization: str | None, certificate: str | None, /) -> Caller | Awaitable[Caller]:
        """From the value of `Authorization` and the thumbprint of the client's certificate to who asks.

        Raises `Unauthenticated`, and `KeysUnavailable` where that cannot be told.
        """


class WhoAsks:
    """Finds out who asks."""

    def __init__(
        self, authenticate: Authenticate, settings: WebSettings, failed_tokens: FailedTokens | None = None
    ) -> None:
        """Take who checks tokens, whose word counts about certificates, and who counts tokens that prove nobody."""
        self._authenticate = authenticate
        self._failed_tokens = failed_tokens
        header = settings.certificate_header
        self._certificates = (
            None
            if header is None
            else ClientCertificates(header, settings.trusted_proxies, this_machine=settings.trusts_this_machine)
        )

    def __call__(self, scope: Scope, headers: RequestHeaders) -> Caller | Awaitable[Caller]:
        """The caller, to be awaited where the issuer is asked first.

        Raises:
            Refusal: UNAUTHENTICATED, ISSUER_UNAVAILABLE, RATE_LIMITED where too many tokens proved nobody, or
                BAD_REQUEST for a purpose or a case that cannot be taken.

        """
        values = headers.getlist("authorization")
        if len(values) > 1:
            raise _unauthenticated("The Authorization header comes more than once. Send it once.")
        certificate = self.certificate(scope, headers)
        if self._failed_tokens is not None and values:
            self._failed_tokens.check(values[0], scope, headers)
        try:
            caller = self._authenticate(values[0] if values else None, certificate)
        except (Unauthenticated, KeysUnavailable) as error:
            counting = self._count(error, scope, headers)
            if counting is not None:
                return _refused(counting, error)
            raise _refusal(error) from error
        if caller is ANONYMOUS:
            return caller
        return stated(caller, headers) if isinstance(caller, Caller) else self._awaited(caller, scope, headers)

    def certificate(self, scope: Scope, headers: RequestHeaders) -> str | None:
        """The thumbprint of the client's certificate, as far as somebody tells it whose word counts."""
        return None if self._certificates is None else self._certificates.thumbprint(scope, headers)

    async def _awaited(self, caller: Awaitable[Caller], scope: Scope, headers: RequestHeaders) -> Caller:
        try:
            proven = await caller
        except (Unauthenticated, KeysUnavailable) as error:
            counting = self._count(error, scope, headers)
            if counting is not None:
                await counting
            raise _refusal(error) from error
        return stated(proven, headers)

    def _count(
        self, error: Unauthenticated | KeysUnavailable, scope: Scope, headers: RequestHeaders
    ) -> Awaitable[None] | None:
        """Count a token that proves nothing: a guess.

        A token with a valid signature is not a guess, even if it is expired, not yet valid, or for another audience:
        one address of a carrier always sends some. While an issuer does not answer, tokens are not counted.
        """
        if self._failed_tokens is None or not isinstance(error, Unauthenticated) or error.signed:
            return None
        return self._failed_tokens.count(scope, headers)


async def _refused(counting: Awaitable[None], error: Unauthenticated | KeysUnavailable) -> Caller:
    await counting
    raise _refusal(error) from error


def stated(caller: Caller, headers: RequestHeaders) -> Caller:
    """The caller with the purpose and the case that came with the request, where it is one who states them.

    Raises:
        Refusal: BAD_REQUEST.

    """
    if caller.kind not in STATING:
        return caller
    try:
        return stating(caller, purpose=_once(headers, PURPOSE), case=_once(headers, CASE))
    except Misstated as error:
        raise Refusal(Code.BAD_REQUEST, str(error)) from error


def _once(headers: RequestHeaders, name: str) -> str | None:
    values = headers.getlist(name)
    if len(values) > 1:
        raise Refusal(Code.BAD_REQUEST, f"The header {name} comes more than once. Send it once.")
    return values[0] if values else None


def _refusal(error: Unauthenticated | KeysUnavailable) -> Refusal:
    if isinstance(error, Unauthenticated):
        return _unauthenticated(str(error))
    return Refusal(Code.ISSUER_UNAVAILABLE, str(error), headers={"Retry-After": f"{INTERVAL:.0f}"})


def _unauthenticated(message: str) -> Refusal:
    return Refusal(Code.UNAUTHENTICATED, message, headers={"WWW-Authenticate": "Bearer"})
