"""The hub's own pages for people who sign in, put together; and what ends in a page of its own instead of JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from auth.session import LiveSessions, Session, Sessions
from auth.sign_in import SignIn
from schema.shown import Describe
from web.consent_pages import CONSENT, CONSENTS, REVOKE, ConsentPages
from web.incidents import noted
from web.own_graph import OwnGraph
from web.page_session import PageSession
from web.pages import Pages, Problem
from web.refusals import Refusal
from web.request_identity import call_of
from web.sign_in_pages import CALLBACK, SIGN_OUT, SIGNED_OUT, SignInPages

_CLIENT_CLOSED_REQUEST = 499
"""What logs say of a request whose client went away; nobody reads the answer."""

Endpoint = Callable[[Request], Awaitable[Response]]
Personal = Callable[[Request, Session], Awaitable[Response]]


class PersonalPages:
    """The pages, and who may see them."""

    def __init__(
        self,
        *,
        sign_in: SignInPages,
        consents: ConsentPages,
        sessions: PageSession,
        pages: Pages,
        recent: int,
        with_messages: bool,
    ) -> None:
        """Put them together; `recent` and `with_messages` as for `personal_pages`."""
        self._recent = recent
        self._sign_in = sign_in
        self._consents = consents
        self._sessions = sessions
        self._pages = pages
        self._with_messages = with_messages

    def routes(self) -> list[Route]:
        """Where they are served."""
        consents, sign_in = self._consents, self._sign_in
        return [
            Route(CONSENT, self._page(self._personal(consents.request, decides=True)), methods=["GET"]),
            Route(CONSENT, self._page(self._form(consents.answer)), methods=["POST"]),
            Route(CONSENTS, self._page(self._personal(consents.list)), methods=["GET"]),
            Route(REVOKE, self._page(self._personal(consents.revoking, decides=True)), methods=["GET"]),
            Route(REVOKE, self._page(self._form(consents.revoke)), methods=["POST"]),
            Route(CALLBACK, self._page(sign_in.callback), methods=["GET"]),
            Route(SIGN_OUT, self._page(self._form(sign_in.sign_out)), methods=["POST"]),
            Route(SIGNED_OUT, self._page(sign_in.signed_out), methods=["GET"]),
        ]

    def _personal(self, page: Personal, *, decides: bool = False) -> Endpoint:
        """A page for a person who is signed in; others are sent to sign in first. The session goes on from here.

        Where the page `decides` something, the person must have authenticated lately: within half of the time that the
        graph demands, so that the other half is left to read and answer.
        """
        max_age = self._recent // 2 if decides else None

        async def endpoint(request: Request) -> Response:
            address = self._sessions.elsewhere(request)
            if address is not None:
                return RedirectResponse(address, HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"})
            session = await self._sessions.current(request)
            if session is None or (max_age is not None and not self._sessions.authenticated(session, max_age)):
                return await self._sign_in.begin(request, max_age=max_age)
            request.state.until = self._sessions.until(session)
            response = await page(request, session)
            self._sessions.keep(response, session)
            return response

        return endpoint

    def _form(self, taken: Endpoint) -> Endpoint:
        """What takes a form of whoever is signed in, and refuses it by a `Problem`. The session goes on, too."""

        async def endpoint(request: Request) -> Response:
            session = await self._sessions.current(request)
            if session is not None:
                request.state.until = self._sessions.until(session)
            response = await taken(request)
            if (still := self._sessions.looked_up(request)) is not None:
                self._sessions.keep(response, still)
            return response

        return endpoint

    def _page(self, endpoint: Endpoint) -> Endpoint:
        """An endpoint whose problems are shown as pages."""

        async def shown(request: Request) -> Response:
            try:
                return await endpoint(request)
            except Problem as problem:
                request.state.until = None
                return self._pages.problem(request, problem, session=self._sessions.looked_up(request))
            except Refusal:
                raise
            except ClientDisconnect:
                return Response(status_code=_CLIENT_CLOSED_REQUEST)
            except Exception as error:  # noqa: BLE001 - a person gets a page with the number, not JSON
                number = noted(error, call_of(request.scope).request_id, with_messages=self._with_messages)
                incident = Problem("incident", HTTPStatus.INTERNAL_SERVER_ERROR, number=number)
                return self._pages.problem(request, incident)

        return shown


def personal_pages(
    sign_in: SignIn,
    sessions: Sessions,
    live: LiveSessions,
    graph: OwnGraph,
    describe: Describe,
    *,
    pages: Pages,
    public_url: str,
    recent: int,
    with_messages: bool,
) -> PersonalPages:
    """The pages over what the composition root hands in.

    Args:
        sign_in: Signs people in.
        sessions: Seals who is signed in.
        live: Knows which sessions go on.
        graph: Runs the documents of the pages, which no client's registry has to hold.
        describe: Tells what a document shows.
        pages: Renders them, and serves what they load.
        public_url: The hub's address as browsers know it.
        recent: Seconds within which a person must have authenticated to change something.
        with_messages: Whether the log gets the texts of unexpected errors, which may hold personal data.

    """
    known = PageSession(sessions, live, public_url=public_url)
    return PersonalPages(
        sign_in=SignInPages(sign_in, known, pages),
        consents=ConsentPages(graph, known, pages, describe),
        sessions=known,
        pages=pages,
        recent=recent,
        with_messages=with_messages,
    )
