"""Signing in to the hub's own pages, and out again. What is checked stands in `auth/sign_in.py`."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth.sealed_cookies import TooLong
from auth.session import NotForThemself
from auth.sign_in import SignedIn, SignIn, SignInDenied, SignInFailed, SignInUnavailable
from web.page_session import PageSession
from web.pages import Pages, Problem

CALLBACK: Final = "/sign-in/callback"
"""Where the issuer sends people back to."""
SIGN_OUT: Final = "/sign-out"
SIGNED_OUT: Final = "/signed-out"
_MOST_PARAMETERS: Final = 20

_log = logging.getLogger("simpul.sign_in")


class SignInPages:
    """The way to the issuer, the way back, and the way out."""

    def __init__(self, sign_in: SignIn, sessions: PageSession, pages: Pages) -> None:
        self._sign_in = sign_in
        self._sessions = sessions
        self._pages = pages

    async def begin(self, request: Request, *, max_age: int | None = None) -> Response:
        """Send somebody to sign in, and have them come back to the page that they asked for.

        With `max_age`, they authenticate now unless they did within that many seconds.

        Raises `Problem`.
        """
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        try:
            begun = await self._sign_in.begin(target, language=self._pages.words(request).language, max_age=max_age)
        except SignInUnavailable:
            raise Problem("issuer_down", HTTPStatus.SERVICE_UNAVAILABLE) from None
        except SignInFailed:
            raise Problem("no_such_page", HTTPStatus.NOT_FOUND) from None
        response = _to(begun.address)
        self._sessions.keep_begun(response, begun.cookie)
        return response

    async def callback(self, request: Request) -> Response:
        """Take the issuer's answer. The sign-in that was begun is over then, however it ends."""
        try:
            signed_in = await self._finished(request)
            response = _to(signed_in.target)
            self._sessions.keep(response, signed_in.session)
            await self._sessions.start(request, signed_in.session, identity=signed_in.identity)
        except TooLong:
            response = self._pages.problem(request, Problem("sign_in_failed", HTTPStatus.BAD_REQUEST))
        except Problem as problem:
            response = self._pages.problem(request, problem)
        self._sessions.forget_begun(response)
        return response

    async def _finished(self, request: Request) -> SignedIn:
        try:
            return await self._sign_in.finish(self._sessions.begun(request), _answer(request))
        except SignInDenied:
            raise Problem("sign_in_denied", HTTPStatus.FORBIDDEN) from None
        except NotForThemself:
            raise Problem("not_for_themself", HTTPStatus.FORBIDDEN) from None
        except SignInUnavailable:
            raise Problem("issuer_down", HTTPStatus.SERVICE_UNAVAILABLE) from None
        except SignInFailed as failed:
            _log.info("A sign-in came to nothing: %s", failed)
            raise Problem("sign_in_failed", HTTPStatus.BAD_REQUEST) from None

    async def sign_out(self, request: Request) -> Response:
        """End the session, here for every copy of its cookie, and then at the issuer. Raises `Problem`.

        The browser goes to the issuer by a page and not by a redirect: to Chromium, where a form may lead
        (`form-action`) holds for the redirects that follow it.
        """
        session, _ = await self._sessions.form(request)
        identity = await self._sessions.end(request, session)
        language = self._pages.words(request).language
        address = await self._sign_in.sign_out_address(identity, language=language)
        if address is None:
            response = _to(f"{SIGNED_OUT}{_language(request)}")
        else:
            response = self._pages.page(request, "signing_out.html", address=address, others={})
            response.headers["Refresh"] = f"0; url={address}"
        self._sessions.forget(response)
        return response

    async def signed_out(self, request: Request) -> Response:
        """Say so."""
        return self._pages.page(request, "signed_out.html")


def _answer(request: Request) -> dict[str, str]:
    """The parameters of the issuer's answer, each once (RFC 6749, section 3.1). Raises `SignInFailed`."""
    try:
        given = parse_qsl(request.url.query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS, errors="strict")
    except ValueError:
        raise SignInFailed("the answer cannot be read") from None
    found = dict(given)
    if len(found) != len(given):
        raise SignInFailed("a parameter of the answer comes more than once")
    return found


def _language(request: Request) -> str:
    chosen = request.query_params.get("lang")
    return f"?lang={chosen}" if chosen in {"id", "en"} else ""


def _to(address: str) -> Response:
    """There by GET (RFC 9110, section 15.4.4)."""
    return RedirectResponse(address, HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"})
