"""`/consent/{id}` and `/consents`: the pages on which citizens grant, refuse and revoke consents.

The pages are a client of the graph (`web/pages/internal_client.py`), so the signed-in person sees and changes only what
the graph allows. Other people are sent to the sign-in first, and then return to the page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from auth.oidc.page_session import SignedInSession
from schema.tools.document_fields import GraphDocuments
from web.pages.child_consents import Child, ChildConsents, find_child
from web.pages.internal_client import InternalClient, ResponseMap, get_error_codes
from web.pages.page_renderer import PageProblem, PageRenderer
from web.pages.page_session import Form, PageSessions
from web.pages.personal_routes import get_object, parse_cursor
from web.pages.scope_preview import build_scope_previews

CONSENT_PATH: Final = "/consent/{id}"
CONSENTS_PATH: Final = "/consents"
REVOKE_PATH: Final = "/consents/{id}/revoke"
PAGE_SIZE: Final = 20
"""Consents on one page."""

REQUEST_QUERY: Final = """\
query ConsentPage($id: ID!) {
  me {
    consentRequest(id: $id) {
      id client partner purpose scopes askedAt answerBy wouldExpireAt isAboutChild
      fields { field scope description class }
      texts { language text }
      previewDocument
    }
  }
}
"""
GRANT_MUTATION: Final = """\
mutation GrantOnPage($request: ID!, $scopes: [Scope!], $child: NIK) {
  grantConsent(request: $request, scopes: $scopes, child: $child) { consent { id } returnTo }
}
"""
REFUSE_MUTATION: Final = """\
mutation RefuseOnPage($request: ID!) {
  refuseConsent(request: $request) { returnTo }
}
"""
CONSENTS_QUERY: Final = """\
query ConsentsPage($first: Int!, $after: String) {
  me {
    consents(first: $first, after: $after) {
      nodes { id partner purpose scopes state grantedAt expiresAt revokedAt }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
REVOKE_MUTATION: Final = """\
mutation RevokeOnPage($consent: ID!, $child: NIK) {
  revokeConsent(consent: $consent, child: $child) { id partner state }
}
"""
_LANGUAGES: Final = {"id": "INDONESIAN", "en": "ENGLISH"}
"""Languages of pages, and their names in the graph."""
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,400}", re.ASCII)


class ConsentPages:
    """The pages about consents."""

    def __init__(
        self, client: InternalClient, sessions: PageSessions, pages: PageRenderer, documents: GraphDocuments
    ) -> None:
        self._client = client
        self._sessions = sessions
        self._pages = pages
        self._documents = documents
        self._children = ChildConsents(client, documents)

    async def show_request(self, request: Request, session: SignedInSession) -> Response:
        """A partner's request, with a preview of the data that it would read."""
        return await self._render_request(request, session, request.query_params.get("child"))

    async def decide(self, request: Request) -> Response:
        """Process the person's decision. Raises `PageProblem`."""
        session, form = await self._sessions.read_form(request)
        match form.get("decision"):
            case ["grant"]:
                return await self._grant(request, session, form)
            case ["refuse"]:
                return await self._refuse(request, session)
            case _:
                raise PageProblem("foreign_form", HTTPStatus.BAD_REQUEST)

    async def show_list(self, request: Request, session: SignedInSession) -> Response:
        """The person's consents, newest first."""
        after = parse_cursor(request)
        answer = await self._client.execute(request, session, CONSENTS_QUERY, {"first": PAGE_SIZE, "after": after})
        found = get_object(answer, "me", "consents")
        if found is None:
            raise _to_problem(answer, unknown="no_such_page")
        return self._pages.render_page(
            request,
            "consents.html",
            session=session,
            consents=found["nodes"],
            children=await self._children.list_consents(request, session) if after is None else (),
            older=self._build_next_address(request, found["pageInfo"]),
            is_first=after is None,
        )

    def _build_next_address(self, request: Request, page: Mapping[str, Any]) -> str | None:
        """The address of the next page of the list."""
        query = {**self._pages.get_link_query(request), "after": page["endCursor"]}
        return f"{CONSENTS_PATH}?{urlencode(query)}" if page["hasNextPage"] else None

    async def confirm_revocation(self, request: Request, session: SignedInSession) -> Response:
        """Ask for confirmation before a consent is revoked."""
        consent, child = await self._find_consent(request, session)
        return self._pages.render_page(request, "revoke.html", session=session, consent=consent, child=child)

    async def revoke(self, request: Request) -> Response:
        """Revoke a consent. Raises `PageProblem`."""
        session, _ = await self._sessions.read_form(request)
        consent, child = await self._find_consent(request, session)
        variables = {"consent": consent["id"], "child": None if child is None else child.nik}
        answer = await self._client.execute(request, session, REVOKE_MUTATION, variables)
        if get_object(answer, "revokeConsent") is None:
            raise _to_problem(answer, unknown="unknown_consent")
        return self._pages.redirect(request, CONSENTS_PATH)

    async def _render_request(
        self, request: Request, session: SignedInSession, wanted: str | None, *, none_ticked: bool = False
    ) -> Response:
        found, child = await self._load_request(request, session), None
        if found["isAboutChild"]:
            children = await self._children.list_children(request, session)
            child = find_child(children, wanted)
            if child is None:
                return self._render_children(request, session, found, children)
        preview_document = found["previewDocument"]
        document = self._documents.fit(preview_document) if preview_document else None
        variables = {} if child is None else {"child": child.nik}
        preview = await self._client.execute(request, session, document, variables) if document else None
        words = self._pages.get_words(request)
        shown = self._documents.describe(document) if document else {}
        previews = build_scope_previews(found["fields"], shown, preview, words)
        return self._pages.render_page(
            request,
            "consent.html",
            status=HTTPStatus.UNPROCESSABLE_ENTITY if none_ticked else HTTPStatus.OK,
            session=session,
            asked=found,
            child=child,
            text={**words["request"], **({} if child is None else words["request_child"])},
            agreement=[each["text"] for each in found["texts"] if each["language"] == _LANGUAGES[words.language]],
            previews=[(scope, previews.get(scope)) for scope in found["scopes"]],
            none_ticked=none_ticked,
        )

    def _render_children(
        self, request: Request, session: SignedInSession, asked: Mapping[str, Any], children: Sequence[Child]
    ) -> Response:
        """Ask which child the request is about."""
        path, own = request.url.path, self._pages.get_link_query(request)
        choices = [
            {"name": each.name, "address": f"{path}?{urlencode({**own, 'child': each.id})}"} for each in children
        ]
        return self._pages.render_page(request, "consent_child.html", session=session, asked=asked, children=choices)

    async def _load_request(self, request: Request, session: SignedInSession) -> Mapping[str, Any]:
        answer = await self._client.execute(
            request, session, REQUEST_QUERY, {"id": _parse_id(request, "unknown_request")}
        )
        found = get_object(answer, "me", "consentRequest")
        if found is None:
            raise _to_problem(answer, unknown="unknown_request")
        return found

    async def _grant(self, request: Request, session: SignedInSession, form: Form) -> Response:
        scopes, wanted = list(dict.fromkeys(form.get("scope", ()))), next(iter(form.get("child", ())), None)
        if not scopes:
            return await self._render_request(request, session, wanted, none_ticked=True)
        partner, child = await self._find_partner(request, session), None
        if wanted is not None:
            child = find_child(await self._children.list_children(request, session), wanted)
        variables = {
            "request": _parse_id(request, "unknown_request"),
            "scopes": scopes,
            "child": None if child is None else child.nik,
        }
        answer = await self._client.execute(request, session, GRANT_MUTATION, variables)
        return self._render_decision(request, session, partner, answer, "grantConsent")

    async def _refuse(self, request: Request, session: SignedInSession) -> Response:
        partner = await self._find_partner(request, session)
        answer = await self._client.execute(
            request, session, REFUSE_MUTATION, {"request": _parse_id(request, "unknown_request")}
        )
        return self._render_decision(request, session, partner, answer, "refuseConsent")

    async def _find_partner(self, request: Request, session: SignedInSession) -> str | None:
        """The name of the partner; None if the request does not wait for an answer.

        It may be answered already: if a form is submitted twice, both responses are equal, and the browser shows the
        second one.
        """
        answer = await self._client.execute(
            request, session, REQUEST_QUERY, {"id": _parse_id(request, "unknown_request")}
        )
        found = get_object(answer, "me", "consentRequest")
        return None if found is None else str(found["partner"])

    def _render_decision(
        self, request: Request, session: SignedInSession, partner: str | None, answer: ResponseMap, field: str
    ) -> Response:
        """Send the person back to the partner.

        This is a page instead of a redirect: Chromium applies `form-action` to redirects after a form too, so pages
        would have to name the addresses of all partners in advance.
        """
        done = get_object(answer, field)
        if done is None:
            raise _to_problem(answer, unknown="unknown_request")
        to = done["returnTo"] if _is_web_address(done["returnTo"]) else None
        return self._pages.render_page(
            request,
            "answered.html",
            session=session,
            partner=partner or urlsplit(to or "").hostname or "",
            granted=field == "grantConsent",
            to=to,
        )

    async def _find_consent(self, request: Request, session: SignedInSession) -> tuple[Mapping[str, Any], Child | None]:
        """The consent in the path, and the child that it is about; reads the person's consents page by page."""
        wanted, after = _parse_id(request, "unknown_consent"), None
        for child in await self._children.list_consents(request, session) or ():
            for each in child.consents:
                if each["id"] == wanted:
                    return each, child
        while True:
            answer = await self._client.execute(request, session, CONSENTS_QUERY, {"first": 100, "after": after})
            found = get_object(answer, "me", "consents")
            if found is None:
                raise _to_problem(answer, unknown="unknown_consent")
            for each in found["nodes"]:
                if each["id"] == wanted:
                    return dict(each), None
            if not found["pageInfo"]["hasNextPage"]:
                raise PageProblem("unknown_consent", HTTPStatus.NOT_FOUND)
            after = found["pageInfo"]["endCursor"]


def _parse_id(request: Request, unknown: str) -> str:
    """The id in the path. Raises `PageProblem` for an invalid one."""
    found = str(request.path_params["id"])
    if not _ID.fullmatch(found):
        raise PageProblem(unknown, HTTPStatus.NOT_FOUND)
    return found


def _to_problem(answer: ResponseMap, *, unknown: str) -> PageProblem:
    """The problem page for the errors in a response."""
    codes = get_error_codes(answer)
    reasons = [(each.get("extensions") or {}).get("reason") for each in answer.get("errors", ())]
    if not codes or "CONSENT_UNKNOWN" in codes:
        return PageProblem(unknown, HTTPStatus.NOT_FOUND)
    if "BAD_USER_INPUT" in codes:  # the hub's own forms never cause it
        return PageProblem("foreign_form", HTTPStatus.BAD_REQUEST)
    for code, problem in (("CONSENT_ANSWERED", "answered"), ("CONSENT_NOT_OF_AGE", "no_child")):
        if code in codes:
            return PageProblem(problem, HTTPStatus.CONFLICT)
    if "REAUTHENTICATION_REQUIRED" in reasons:
        return PageProblem("sign_in_again", HTTPStatus.FORBIDDEN)
    if "ASSURANCE_TOO_LOW" in reasons:
        return PageProblem("more_assurance", HTTPStatus.FORBIDDEN)
    return PageProblem("hub_down", HTTPStatus.SERVICE_UNAVAILABLE)


def _is_web_address(address: str | None) -> bool:
    """Whether a browser may be sent to the address: only HTTP and HTTPS, whatever the contract contains."""
    parts = urlsplit(address or "")
    return parts.scheme in {"https", "http"} and bool(parts.hostname)
