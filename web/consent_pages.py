"""Where a citizen grants, refuses and takes back consents: `/consent/{id}` and `/consents`.

The pages are a client of the graph like others (`web/own_graph.py`): what they show and change is what the person who
signed in may see and change there. Who is not signed in is sent to sign in, and comes back.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth.session import Session
from schema.shown import Describe
from web.own_graph import Answer, OwnGraph, codes_of
from web.page_session import Form, PageSession
from web.pages import Pages, Problem
from web.preview import scope_previews

CONSENT: Final = "/consent/{id}"
CONSENTS: Final = "/consents"
REVOKE: Final = "/consents/{id}/revoke"
A_PAGE: Final = 20
"""Consents on one page."""

REQUEST: Final = """\
query ConsentPage($id: ID!) {
  me {
    consentRequest(id: $id) {
      id client partner purpose scopes askedAt answerBy wouldExpireAt
      fields { field scope description class }
      texts { language text }
      previewDocument
    }
  }
}
"""
GRANT: Final = """\
mutation GrantOnPage($request: ID!, $scopes: [Scope!]) {
  grantConsent(request: $request, scopes: $scopes) { consent { id } returnTo }
}
"""
REFUSE: Final = """\
mutation RefuseOnPage($request: ID!) {
  refuseConsent(request: $request) { returnTo }
}
"""
LIST: Final = """\
query ConsentsPage($first: Int!, $after: String) {
  me {
    consents(first: $first, after: $after) {
      nodes { id partner purpose scopes state grantedAt expiresAt revokedAt }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
REVOKE_ONE: Final = """\
mutation RevokeOnPage($consent: ID!) {
  revokeConsent(consent: $consent) { id partner state }
}
"""
_LANGUAGES: Final = {"id": "INDONESIAN", "en": "ENGLISH"}
"""The languages of pages, as the graph calls them."""
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,400}", re.ASCII)
_CURSOR: Final = re.compile(r"[A-Za-z0-9_=-]{1,200}", re.ASCII)

Page = Callable[[Request, Session], Awaitable[Response]]


class ConsentPages:
    """The pages about consents."""

    def __init__(self, graph: OwnGraph, sessions: PageSession, pages: Pages, describe: Describe) -> None:
        self._graph = graph
        self._sessions = sessions
        self._pages = pages
        self._describe = describe

    async def request(self, request: Request, session: Session) -> Response:
        """A partner's request, with what would go."""
        return await self._request_page(request, session)

    async def answer(self, request: Request) -> Response:
        """Take the person's decision. Raises `Problem`."""
        session, form = await self._sessions.form(request)
        match form.get("decision"):
            case ["grant"]:
                return await self._grant(request, session, form)
            case ["refuse"]:
                return await self._refuse(request, session)
            case _:
                raise Problem("foreign_form", HTTPStatus.BAD_REQUEST)

    async def list(self, request: Request, session: Session) -> Response:
        """The person's consents, newest first."""
        after = request.query_params.get("after")
        if after is not None and not _CURSOR.fullmatch(after):
            raise Problem("no_such_page", HTTPStatus.NOT_FOUND)
        answer = await self._graph.ask(request, session, LIST, {"first": A_PAGE, "after": after})
        found = _inside(answer, "me", "consents")
        if found is None:
            raise _problem(answer, unknown="no_such_page")
        return self._pages.page(
            request,
            "consents.html",
            session=session,
            consents=found["nodes"],
            older=_older(request, found["pageInfo"]),
            is_first=after is None,
        )

    async def revoking(self, request: Request, session: Session) -> Response:
        """Ask once more before a consent is taken back."""
        consent = await self._consent(request, session)
        return self._pages.page(request, "revoke.html", session=session, consent=consent)

    async def revoke(self, request: Request) -> Response:
        """Take a consent back. Raises `Problem`."""
        session, _ = await self._sessions.form(request)
        answer = await self._graph.ask(request, session, REVOKE_ONE, {"consent": _id(request, "unknown_consent")})
        if _inside(answer, "revokeConsent") is None:
            raise _problem(answer, unknown="unknown_consent")
        chosen = {"lang": request.query_params["lang"]} if request.query_params.get("lang") in {"id", "en"} else {}
        address = f"{CONSENTS}?{urlencode(chosen)}" if chosen else CONSENTS
        return RedirectResponse(address, HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"})

    async def _request_page(self, request: Request, session: Session, *, none_ticked: bool = False) -> Response:
        found = await self._asked(request, session)
        document = found["previewDocument"]
        preview = await self._graph.ask(request, session, document) if document else None
        words = self._pages.words(request)
        shown = self._describe(document) if document else {}
        previews = scope_previews(found["fields"], shown, preview, words)
        return self._pages.page(
            request,
            "consent.html",
            status=HTTPStatus.UNPROCESSABLE_ENTITY if none_ticked else HTTPStatus.OK,
            session=session,
            asked=found,
            agreement=[each["text"] for each in found["texts"] if each["language"] == _LANGUAGES[words.language]],
            previews=[(scope, previews.get(scope)) for scope in found["scopes"]],
            none_ticked=none_ticked,
        )

    async def _asked(self, request: Request, session: Session) -> Mapping[str, Any]:
        answer = await self._graph.ask(request, session, REQUEST, {"id": _id(request, "unknown_request")})
        found = _inside(answer, "me", "consentRequest")
        if found is None:
            raise _problem(answer, unknown="unknown_request")
        return found

    async def _grant(self, request: Request, session: Session, form: Form) -> Response:
        scopes = list(dict.fromkeys(form.get("scope", ())))
        if not scopes:
            return await self._request_page(request, session, none_ticked=True)
        partner = await self._partner(request, session)
        variables = {"request": _id(request, "unknown_request"), "scopes": scopes}
        answer = await self._graph.ask(request, session, GRANT, variables)
        return self._answered(request, session, partner, answer, "grantConsent")

    async def _refuse(self, request: Request, session: Session) -> Response:
        partner = await self._partner(request, session)
        answer = await self._graph.ask(request, session, REFUSE, {"request": _id(request, "unknown_request")})
        return self._answered(request, session, partner, answer, "refuseConsent")

    async def _partner(self, request: Request, session: Session) -> str | None:
        """The name of the partner; None where the request does not wait for an answer.

        It may be answered: a form that is submitted twice has the same answer twice, and the browser shows the second.
        """
        answer = await self._graph.ask(request, session, REQUEST, {"id": _id(request, "unknown_request")})
        found = _inside(answer, "me", "consentRequest")
        return None if found is None else str(found["partner"])

    def _answered(
        self, request: Request, session: Session, partner: str | None, answer: Answer, field: str
    ) -> Response:
        """Send the person back to the partner.

        By a page and not by a redirect: to Chromium, where a form may lead (`form-action`) holds for the redirects that
        follow it, and pages would have to name every partner's address before anybody decided.
        """
        done = _inside(answer, field)
        if done is None:
            raise _problem(answer, unknown="unknown_request")
        to = done["returnTo"] if _may_lead(done["returnTo"]) else None
        return self._pages.page(
            request,
            "answered.html",
            session=session,
            partner=partner or urlsplit(to or "").hostname or "",
            granted=field == "grantConsent",
            to=to,
        )

    async def _consent(self, request: Request, session: Session) -> Mapping[str, Any]:
        """The consent in the path, looked for page by page among the person's own."""
        wanted, after = _id(request, "unknown_consent"), None
        while True:
            answer = await self._graph.ask(request, session, LIST, {"first": 100, "after": after})
            found = _inside(answer, "me", "consents")
            if found is None:
                raise _problem(answer, unknown="unknown_consent")
            for each in found["nodes"]:
                if each["id"] == wanted:
                    return dict(each)
            if not found["pageInfo"]["hasNextPage"]:
                raise Problem("unknown_consent", HTTPStatus.NOT_FOUND)
            after = found["pageInfo"]["endCursor"]


def _id(request: Request, unknown: str) -> str:
    """The id in the path; raises `Problem` for what can be none."""
    found = str(request.path_params["id"])
    if not _ID.fullmatch(found):
        raise Problem(unknown, HTTPStatus.NOT_FOUND)
    return found


def _inside(answer: Answer, *names: str) -> Mapping[str, Any] | None:
    """The object there, if there is one."""
    found: Any = answer.get("data")
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _problem(answer: Answer, *, unknown: str) -> Problem:
    """Why the graph did not give what a page is about."""
    codes = codes_of(answer)
    reasons = [(each.get("extensions") or {}).get("reason") for each in answer.get("errors", ())]
    if not codes or "CONSENT_UNKNOWN" in codes:
        return Problem(unknown, HTTPStatus.NOT_FOUND)
    if "BAD_USER_INPUT" in codes:  # none of our forms says it
        return Problem("foreign_form", HTTPStatus.BAD_REQUEST)
    if "CONSENT_ANSWERED" in codes:
        return Problem("answered", HTTPStatus.CONFLICT)
    if "REAUTHENTICATION_REQUIRED" in reasons:
        return Problem("sign_in_again", HTTPStatus.FORBIDDEN)
    if "ASSURANCE_TOO_LOW" in reasons:
        return Problem("more_assurance", HTTPStatus.FORBIDDEN)
    return Problem("hub_down", HTTPStatus.SERVICE_UNAVAILABLE)


def _may_lead(address: str | None) -> bool:
    """Whether a browser may be sent there: an address of the web, whatever a partner had registered."""
    parts = urlsplit(address or "")
    return parts.scheme in {"https", "http"} and bool(parts.hostname)


def _older(request: Request, page: Mapping[str, Any]) -> str | None:
    """Where the list goes on."""
    if not page["hasNextPage"]:
        return None
    query = {name: value for name, value in request.query_params.items() if name == "lang" and value in {"id", "en"}}
    return f"{CONSENTS}?{urlencode({**query, 'after': page['endCursor']})}"
