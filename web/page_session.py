"""Who is signed in to the hub's own pages, in cookies of their browser, and which forms are theirs.

Both cookies are sealed (`auth/session.py`, `auth/sign_in.py`), out of reach for scripts, and not sent along with what
other sites make a browser send, but for links (`SameSite=Lax`). By HTTPS their names begin with `__Host-`: then no
other host, and no page without TLS, can have put them there (RFC 6265bis, section 4.1.3.2).

The cookie alone is not a session: each request checks that the session is still valid (`LiveSessions`), so a copy of a
cookie ends with its session.

A form that changes something is taken where three things fit: the cookie of a session, that session's text in the form,
and the browser's word that one of our own pages sent it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from time import time
from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from auth.authentication_time import authenticated_within
from auth.session import LiveSessions, Session, Sessions
from auth.sign_in import PATIENCE
from store.unavailable import StateUnavailable
from web.pages import Problem

FORMS: Final = "form"
"""The field that holds the session's text."""
_SESSION: Final = "simpul"
_SIGN_IN: Final = "simpul-sign-in"
_MOST_FIELDS: Final = 50
_LARGEST_FORM: Final = 16 * 1024
_FORM: Final = "application/x-www-form-urlencoded"

Form = Mapping[str, Sequence[str]]


class PageSession:
    """Reads and writes the two cookies, for pages at one address."""

    def __init__(
        self, sessions: Sessions, live: LiveSessions, *, public_url: str, clock: Callable[[], float] = time
    ) -> None:
        """Take who seals sessions, who knows which go on, and the hub's address as browsers know it."""
        self._sessions = sessions
        self._live = live
        self._clock = clock
        parts = urlsplit(public_url)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        """The hub's own origin."""
        self._secure = parts.scheme == "https"
        prefix = "__Host-" if self._secure else ""
        self._session, self._sign_in = f"{prefix}{_SESSION}", f"{prefix}{_SIGN_IN}"

    def elsewhere(self, request: Request) -> str | None:
        """The same page at the hub's own address, where a person on this machine came by another of its names.

        Cookies belong to one name, and sign-ins come back to one. Where the hub has a public name, what stands before
        it sees to that; it may call the hub otherwise than browsers do.
        """
        host = request.headers.get("host", "")
        if self._secure or f"http://{host}" == self.origin:
            return None
        return f"{self.origin}{request.url.path}{f'?{request.url.query}' if request.url.query else ''}"

    async def current(self, request: Request) -> Session | None:
        """Who is signed in; the session is used by this. Looks once for each request.

        Raises `Problem` while the database does not answer.
        """
        if not hasattr(request.state, "session"):
            session = self._sessions.open(request.cookies.get(self._session, ""), now=self._clock())
            try:
                goes_on = session is not None and await self._live.use(session.id)
            except StateUnavailable:
                raise Problem("hub_down", HTTPStatus.SERVICE_UNAVAILABLE) from None
            request.state.session = session if goes_on else None
        found: Session | None = request.state.session
        return found

    def looked_up(self, request: Request) -> Session | None:
        """The signed-in person, if `current` was called for this request; does not call the database."""
        return getattr(request.state, "session", None)

    async def start(self, request: Request, session: Session, *, identity: str) -> None:
        """Have a session go on from now; the one that this browser had before is over.

        `identity` is the issuer's ID token. Raises `Problem`.
        """
        before = self._sessions.open(request.cookies.get(self._session, ""), now=self._clock())
        hint = self._sessions.seal_identity(session, identity)
        try:
            if before is not None:
                await self._live.end(before.id)
            await self._live.begin(session.id, lasts=session.ends - self._clock(), hint=hint)
        except StateUnavailable:
            raise Problem("hub_down", HTTPStatus.SERVICE_UNAVAILABLE) from None

    async def end(self, request: Request, session: Session) -> str | None:
        """End a session for every copy of its cookie; the issuer's ID token, where there is one.

        Raises `Problem` where it could not be ended.
        """
        try:
            hint = await self._live.end(session.id)
        except StateUnavailable:
            raise Problem("hub_down", HTTPStatus.SERVICE_UNAVAILABLE) from None
        request.state.session = None
        return self._sessions.open_identity(session, hint)

    def authenticated(self, session: Session, seconds: float) -> bool:
        """Whether the person authenticated within the given seconds."""
        return authenticated_within(session.authenticated_at, seconds, now=self._clock())

    def until(self, session: Session) -> float:
        """Until when a session goes on that is used now."""
        return session.until(self._clock(), idle=self._sessions.limits.idle)

    def keep(self, response: Response, session: Session) -> None:
        """Have the browser keep a session, from now on for as long as it may be idle."""
        now = self._clock()
        text, until = self._sessions.seal(session, now=now)
        self._set(response, self._session, text, until - now)

    def forget(self, response: Response) -> None:
        """Have the browser forget who was signed in."""
        self._set(response, self._session, "", 0)

    def begun(self, request: Request) -> str:
        """The sign-in that was begun in this browser, sealed; empty where there is none."""
        return request.cookies.get(self._sign_in, "")

    def keep_begun(self, response: Response, cookie: str) -> None:
        """Have the browser keep a sign-in that was begun."""
        self._set(response, self._sign_in, cookie, PATIENCE)

    def forget_begun(self, response: Response) -> None:
        """Have the browser forget it: an answer is taken once."""
        self._set(response, self._sign_in, "", 0)

    async def form(self, request: Request) -> tuple[Session, Form]:
        """The session and the form of a request that changes something; every field with its values.

        Raises `Problem`.
        """
        if not self._from_own_page(request):
            raise Problem("foreign_form", HTTPStatus.FORBIDDEN)
        session = await self.current(request)
        if session is None:
            raise Problem("session_over", HTTPStatus.FORBIDDEN)
        given = await _fields(request)
        if not session.gave(given.get(FORMS, [""])[0]):
            raise Problem("foreign_form", HTTPStatus.FORBIDDEN)
        return session, given

    def _from_own_page(self, request: Request) -> bool:
        """Whether the browser says so (Fetch metadata, or `Origin`, which every browser sends with a POST)."""
        sites, origins = request.headers.getlist("sec-fetch-site"), request.headers.getlist("origin")
        said = bool(sites or origins)
        return said and set(sites) <= {"same-origin"} and set(origins) <= {self.origin}

    def _set(self, response: Response, name: str, value: str, seconds: float) -> None:
        response.set_cookie(
            name, value, max_age=int(seconds), path="/", secure=self._secure, httponly=True, samesite="lax"
        )


async def _fields(request: Request) -> dict[str, list[str]]:
    """The fields of a form as browsers send it."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise Problem("foreign_form", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    body = await request.body()
    if len(body) > _LARGEST_FORM:
        raise Problem("foreign_form", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        return parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise Problem("foreign_form", HTTPStatus.BAD_REQUEST) from None
