"""Sign-in and sign-out of the hub's own pages. `auth/oidc/sign_in.py` verifies the sign-in."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from auth.crypto.sealed_cookies import CookieTooLong
from auth.oidc.logout_tokens import LogoutTokenRefused
from auth.oidc.page_session import CitizenRequired
from auth.oidc.sign_in import CodeRefused, SignInDenied, SignInFailed, SignInFlow, SignInResult, SignInUnavailable
from store.database_timeout import StateUnavailable
from web.pages.page_renderer import PageProblem, PageRenderer
from web.pages.page_session import PageSessions, parse_fields
from web.rate_limits.failed_tokens import FailedTokenCounter

CALLBACK_PATH: Final = "/sign-in/callback"
"""The path to which the issuer sends people back."""
SIGN_OUT_PATH: Final = "/sign-out"
SIGNED_OUT_PATH: Final = "/signed-out"
ISSUER_LOGOUT_PATH: Final = "/sign-out/issuer"
"""The path at which the issuer reports that sessions ended there (`backchannel_logout_uri`)."""
_NOT_STORED: Final = {"Cache-Control": "no-store"}
_MAX_PARAMETERS: Final = 20

_log = logging.getLogger("simpul.sign_in")


class HubSignInPages:
    """The pages of sign-in and sign-out."""

    def __init__(
        self, sign_in: SignInFlow, sessions: PageSessions, pages: PageRenderer, *, failed_codes: FailedTokenCounter
    ) -> None:
        """`failed_codes` counts codes that the issuer refused, by address: each is a call to the issuer."""
        self._failed_codes = failed_codes
        self._sign_in = sign_in
        self._sessions = sessions
        self._pages = pages

    async def start_sign_in(self, request: Request, *, max_age: int | None = None) -> Response:
        """Send a person to the issuer to sign in, and back to the requested page afterwards.

        With `max_age`, they must have authenticated within that number of seconds, or authenticate again.

        Raises `PageProblem`.
        """
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        try:
            started = await self._sign_in.begin(
                target, language=self._pages.get_words(request).language, max_age=max_age
            )
        except SignInUnavailable:
            raise PageProblem("issuer_down", HTTPStatus.SERVICE_UNAVAILABLE) from None
        except SignInFailed:
            raise PageProblem("no_such_page", HTTPStatus.NOT_FOUND) from None
        response = _redirect(started.address)
        self._sessions.set_sign_in_cookie(response, started.cookie)
        return response

    async def finish_sign_in(self, request: Request) -> Response:
        """Process the issuer's response. The sign-in ends here in any case.

        Raises `HttpError` (RATE_LIMITED) if too many codes or tokens of the address were refused.
        """
        self._failed_codes.check("", request.scope, request.headers)
        try:
            signed_in = await self._verify_answer(request)
            response = _redirect(signed_in.target)
            self._sessions.set_session_cookie(response, signed_in.session)
            await self._sessions.start_session(
                request, signed_in.session, identity=signed_in.id_token, sign_in=signed_in.sign_in
            )
        except CookieTooLong:
            response = self._pages.render_problem(request, PageProblem("sign_in_failed", HTTPStatus.BAD_REQUEST))
        except PageProblem as problem:
            response = self._pages.render_problem(request, problem)
        self._sessions.clear_sign_in_cookie(response)
        return response

    async def _verify_answer(self, request: Request) -> SignInResult:
        try:
            return await self._sign_in.finish(self._sessions.get_sign_in_cookie(request), _parse_answer(request))
        except SignInDenied:
            raise PageProblem("sign_in_denied", HTTPStatus.FORBIDDEN) from None
        except CitizenRequired:
            raise PageProblem("not_for_themself", HTTPStatus.FORBIDDEN) from None
        except SignInUnavailable:
            raise PageProblem("issuer_down", HTTPStatus.SERVICE_UNAVAILABLE) from None
        except SignInFailed as failed:
            _log.info("A sign-in failed: %s", failed)
            if isinstance(failed, CodeRefused):
                pending = self._failed_codes.count(request.scope, request.headers)
                if pending is not None:
                    await pending
            raise PageProblem("sign_in_failed", HTTPStatus.BAD_REQUEST) from None

    async def sign_out(self, request: Request) -> Response:
        """End the session, for all copies of its cookie, and then at the issuer. Raises `PageProblem`.

        A page leads to the issuer instead of a redirect, because Chromium applies `form-action` to redirects after a
        form too.
        """
        session, _ = await self._sessions.read_form(request)
        identity = await self._sessions.end_session(request, session)
        language = self._pages.get_words(request).language
        address = await self._sign_in.build_sign_out_url(identity, language=language)
        if address is None:
            response = _redirect(f"{SIGNED_OUT_PATH}{_build_language_query(request)}")
        else:
            response = self._pages.render_page(request, "signing_out.html", address=address, others={})
            response.headers["Refresh"] = f"0; url={address}"
        self._sessions.clear_session_cookie(response)
        return response

    async def handle_issuer_logout(self, request: Request) -> Response:
        """End the sessions that the issuer ended (OpenID Connect Back-Channel Logout 1.0, sections 2.5 to 2.8).

        The issuer calls it, not a browser: the signature of its token is the proof.
        """
        try:
            [token] = (await parse_fields(request)).get("logout_token", [])
            ended = await self._sessions.end_sessions(await self._sign_in.verify_logout(token))
        except (LogoutTokenRefused, PageProblem, ValueError) as refusal:
            why = refusal if isinstance(refusal, LogoutTokenRefused) else "the form holds no single logout_token"
            _log.info("A logout token was refused: %s", why)
            return _answer_issuer("invalid_request")
        except StateUnavailable:
            return _answer_issuer("server_error")
        _log.info("The issuer ended %d sessions", ended)
        return Response(headers=_NOT_STORED)

    async def show_signed_out(self, request: Request) -> Response:
        """The page after the sign-out at the issuer."""
        return self._pages.render_page(request, "signed_out.html")


def _answer_issuer(error: str) -> Response:
    """The refusal of a logout, which the standard wants as HTTP 400."""
    return JSONResponse({"error": error}, HTTPStatus.BAD_REQUEST, _NOT_STORED)


def _parse_answer(request: Request) -> dict[str, str]:
    """The parameters of the issuer's response, each once (RFC 6749, section 3.1). Raises `SignInFailed`."""
    try:
        parameters = parse_qsl(
            request.url.query, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS, errors="strict"
        )
    except ValueError:
        raise SignInFailed("the response cannot be parsed") from None
    found = dict(parameters)
    if len(found) != len(parameters):
        raise SignInFailed("the response has a duplicate parameter")
    return found


def _build_language_query(request: Request) -> str:
    chosen = request.query_params.get("lang")
    return f"?lang={chosen}" if chosen in {"id", "en"} else ""


def _redirect(address: str) -> Response:
    """Redirect to a GET (RFC 9110, section 15.4.4)."""
    return RedirectResponse(address, HTTPStatus.SEE_OTHER, _NOT_STORED)
