"""Sessions of the hub's own pages: the cookies of signed-in people, and the check of their forms.

Both cookies are sealed (`auth/oidc/page_session.py`, `auth/oidc/sign_in.py`) and hidden from scripts. Browsers do not
send them with requests of other sites, except for links (`SameSite=Lax`). With HTTPS, their names begin with `__Host-`,
so that no other host, and no page without TLS, can set them (RFC 6265bis, section 4.1.3.2).

The cookie alone is not a session: each request checks that the session is still valid (`SessionStore`), so a copy of a
cookie ends with its session.

A form that changes something needs three things: the cookie of a session, the form token of that session, and a header
of the browser that shows one of the hub's own pages as its origin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from time import time
from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from auth.caller import Caller, is_authentication_recent
from auth.oidc.logout_tokens import IssuerLogout
from auth.oidc.page_session import SessionCookies, SessionStore, SignedInSession
from auth.oidc.sign_in import SIGN_IN_TIMEOUT
from store.database_timeout import StateUnavailable
from web.http_errors import HttpError, HttpErrorCode
from web.pages.page_renderer import PageProblem

FORM_TOKEN_FIELD: Final = "form"  # noqa: S105 - the name of a field, no secret
"""The field with the form token of the session."""
_SESSION_COOKIE: Final = "simpul"
_SIGN_IN_COOKIE: Final = "simpul-sign-in"
_MAX_FIELDS: Final = 50
_MAX_FORM_BYTES: Final = 64 * 1024
_FORM_MEDIA_TYPE: Final = "application/x-www-form-urlencoded"

Form = Mapping[str, Sequence[str]]


class PageSessions:
    """Reads and writes the two cookies, for pages at one address."""

    def __init__(
        self,
        sessions: SessionCookies,
        live_sessions: SessionStore,
        *,
        public_url: str,
        clock: Callable[[], float] = time,
    ) -> None:
        """Takes the sealed cookies, the store of valid sessions, and the address of the hub for browsers."""
        self._sessions = sessions
        self._live_sessions = live_sessions
        self._clock = clock
        parts = urlsplit(public_url)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        """The hub's own origin."""
        self._is_secure = parts.scheme == "https"
        prefix = "__Host-" if self._is_secure else ""
        self._session_cookie, self._sign_in_cookie = f"{prefix}{_SESSION_COOKIE}", f"{prefix}{_SIGN_IN_COOKIE}"

    def find_canonical_address(self, request: Request) -> str | None:
        """The page at the hub's own address, if a browser on this machine used another name; else None.

        Cookies belong to one host name, and the sign-in returns to one. With a public name, the proxy in front of the
        hub redirects, and it may call the hub by another name than browsers.
        """
        host = request.headers.get("host", "")
        if self._is_secure or f"http://{host}" == self.origin:
            return None
        return f"{self.origin}{request.url.path}{f'?{request.url.query}' if request.url.query else ''}"

    async def load_session(self, request: Request) -> SignedInSession | None:
        """The session of the signed-in person. Extends it; reads the database once per request.

        Raises `PageProblem` if the database does not answer.
        """
        if not hasattr(request.state, "session"):
            session = self._sessions.open(request.cookies.get(self._session_cookie, ""), now=self._clock())
            try:
                is_live = session is not None and await self._live_sessions.use(session.id)
            except StateUnavailable:
                raise PageProblem("hub_down", HTTPStatus.SERVICE_UNAVAILABLE) from None
            request.state.session = session if is_live else None
        found: SignedInSession | None = request.state.session
        return found

    async def find_caller(self, request: Request) -> Caller | None:
        """The signed-in person as a caller of the graph; None without a session.

        Raises:
            HttpError: HUB_UNAVAILABLE.

        """
        try:
            session = await self.load_session(request)
        except PageProblem:
            message = "Sessions cannot be read at the moment. Try again later."
            raise HttpError(HttpErrorCode.HUB_UNAVAILABLE, message, headers={"Retry-After": "5"}) from None
        return None if session is None else session.caller

    def get_loaded_session(self, request: Request) -> SignedInSession | None:
        """The signed-in person, if `load_session` was called for this request; does not call the database."""
        return getattr(request.state, "session", None)

    async def start_session(
        self, request: Request, session: SignedInSession, *, identity: str, sign_in: str | None
    ) -> None:
        """Start a session, and end the earlier one of this browser.

        `identity` is the issuer's ID token, `sign_in` its name of the sign-in. Raises `PageProblem`.
        """
        before = self._sessions.open(request.cookies.get(self._session_cookie, ""), now=self._clock())
        hint = self._sessions.seal_id_token(session, identity)
        try:
            if before is not None:
                await self._live_sessions.end(before.id)
            await self._live_sessions.begin(
                session.id,
                lifetime=session.ends - self._clock(),
                hint=hint,
                person=self._sessions.digest_name(session.subject),
                sign_in=self._sessions.digest_name(sign_in),
            )
        except StateUnavailable:
            raise PageProblem("hub_down", HTTPStatus.SERVICE_UNAVAILABLE) from None

    async def end_session(self, request: Request, session: SignedInSession) -> str | None:
        """End a session for all copies of its cookie; returns the issuer's ID token, if there is one.

        Raises `PageProblem` if the session could not be ended.
        """
        try:
            hint = await self._live_sessions.end(session.id)
        except StateUnavailable:
            raise PageProblem("hub_down", HTTPStatus.SERVICE_UNAVAILABLE) from None
        request.state.session = None
        return self._sessions.open_id_token(session, hint)

    async def end_sessions(self, logout: IssuerLogout) -> int:
        """End the sessions that the issuer ended; returns how many. Raises `StateUnavailable`."""
        person, sign_in = (self._sessions.digest_name(each) for each in (logout.subject, logout.sign_in))
        return await self._live_sessions.end_all(person=person, sign_in=sign_in, age=logout.age)

    def is_recently_authenticated(self, session: SignedInSession, seconds: float) -> bool:
        """Whether the person authenticated within the given seconds."""
        return is_authentication_recent(session.authenticated_at, seconds, now=self._clock())

    def get_session_end(self, session: SignedInSession) -> float:
        """When a session ends that is used now."""
        return session.compute_expiry(self._clock(), idle=self._sessions.limits.idle)

    def set_session_cookie(self, response: Response, session: SignedInSession) -> None:
        """Set the session cookie, for the maximum idle time from now."""
        now = self._clock()
        text, until = self._sessions.seal(session, now=now)
        self._set_cookie(response, self._session_cookie, text, until - now)

    def clear_session_cookie(self, response: Response) -> None:
        """Delete the session cookie."""
        self._set_cookie(response, self._session_cookie, "", 0)

    def get_sign_in_cookie(self, request: Request) -> str:
        """The sealed cookie of a sign-in that this browser began; empty without one."""
        return request.cookies.get(self._sign_in_cookie, "")

    def set_sign_in_cookie(self, response: Response, cookie: str) -> None:
        """Set the cookie of a sign-in."""
        self._set_cookie(response, self._sign_in_cookie, cookie, SIGN_IN_TIMEOUT)

    def clear_sign_in_cookie(self, response: Response) -> None:
        """Delete the sign-in cookie: each sign-in is finished once."""
        self._set_cookie(response, self._sign_in_cookie, "", 0)

    async def read_form(self, request: Request) -> tuple[SignedInSession, Form]:
        """The session, and the fields of the form, of a request that changes something.

        Raises `PageProblem`.
        """
        self.check_own_page(request)
        session = await self.load_session(request)
        if session is None:
            raise PageProblem("session_over", HTTPStatus.FORBIDDEN)
        fields = await parse_fields(request)
        if not has_form_token(session, fields):
            raise PageProblem("foreign_form", HTTPStatus.FORBIDDEN)
        return session, fields

    def check_own_page(self, request: Request) -> None:
        """Check that the form is from an own page, by Fetch metadata or `Origin`, which browsers send with every POST.

        Raises `PageProblem`.
        """
        sites, origins = request.headers.getlist("sec-fetch-site"), request.headers.getlist("origin")
        has_origin = bool(sites or origins)
        if not (has_origin and set(sites) <= {"same-origin"} and set(origins) <= {self.origin}):
            raise PageProblem("foreign_form", HTTPStatus.FORBIDDEN)

    def _set_cookie(self, response: Response, name: str, value: str, seconds: float) -> None:
        response.set_cookie(
            name, value, max_age=int(seconds), path="/", secure=self._is_secure, httponly=True, samesite="lax"
        )


def has_form_token(session: SignedInSession, form: Form) -> bool:
    """Whether the form holds the token of the session."""
    return session.has_csrf_token(form.get(FORM_TOKEN_FIELD, [""])[0])


async def parse_fields(request: Request) -> dict[str, list[str]]:
    """The fields of a form. Raises `PageProblem`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM_MEDIA_TYPE:
        raise PageProblem("foreign_form", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    body = await request.body()
    if len(body) > _MAX_FORM_BYTES:
        raise PageProblem("foreign_form", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        return parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict")
    except ValueError:
        raise PageProblem("foreign_form", HTTPStatus.BAD_REQUEST) from None
