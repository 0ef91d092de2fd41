"""`/my-data/requests`: the signed-in person sees, makes and withdraws requests about their data, through the graph."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from auth.oidc.page_session import SignedInSession
from records.hub.data_requests import MAX_TEXT_LENGTH
from records.purposes import Purpose
from web.pages.internal_client import InternalClient
from web.pages.my_data.data_request_forms import (
    ALL_PURPOSES,
    REQUEST_FORMS,
    RequestForm,
    build_variables,
    check_submission,
)
from web.pages.page_renderer import PageProblem, PageRenderer
from web.pages.personal_routes import (
    FormState,
    FormSubmission,
    PersonalRoute,
    PersonalRoutes,
    find_notice,
    get_object,
    parse_cursor,
    require_object,
)

REQUESTS_PATH: Final = "/my-data/requests"
NEW_REQUEST_PATH: Final = f"{REQUESTS_PATH}/new"
REQUEST_FORM_PATH: Final = f"{NEW_REQUEST_PATH}/{{kind}}"
WITHDRAW_PATH: Final = f"{REQUESTS_PATH}/{{number}}/withdraw"
PAGE_SIZE: Final = 20
REQUESTS_QUERY: Final = """\
query DataRequestsPage($first: Int!, $after: String) {
  me {
    dataRequests(first: $first, after: $after) {
      nodes {
        number kind state agency field purposes says wanted receivedAt dueAt closedAt hoursLeft isOverdue
        events { at state by refusal text }
      }
      pageInfo { hasNextPage endCursor }
    }
    restrictions { number }
  }
}
"""
WITHDRAW_MUTATION: Final = """\
mutation WithdrawOnPage($number: String!) {
  done: withdrawDataRequest(number: $number) { number }
}
"""
END_MUTATION: Final = """\
mutation EndRestrictionOnPage($number: String!) {
  done: endRestriction(number: $number) { number }
}
"""
_NUMBER: Final = re.compile(r"[A-Z0-9-]{1,20}", re.ASCII)
_OPEN_STATES: Final = frozenset({"RECEIVED", "IN_PROGRESS"})
_MAX_PAGES: Final = 50
"""Pages of requests that are searched for a number."""


class DataRequestPages:
    """The pages."""

    def __init__(self, client: InternalClient, pages: PageRenderer, holders: Mapping[str, str]) -> None:
        """`holders` are the agencies by field in which they hold data about people."""
        self._client = client
        self._pages = pages
        self._fields = tuple(holders)
        self._agencies = sorted(set(holders.values()))

    def routes(self) -> PersonalRoutes:
        """The routes."""
        return [
            PersonalRoute(path=REQUESTS_PATH, show=self.show_list),
            PersonalRoute(path=NEW_REQUEST_PATH, show=self.choose_kind),
            PersonalRoute(path=REQUEST_FORM_PATH, show=self.show_form, submit=self.make, needs_recent_sign_in=True),
            PersonalRoute(
                path=WITHDRAW_PATH, show=self.confirm_withdrawal, submit=self.withdraw, needs_recent_sign_in=True
            ),
        ]

    async def show_list(self, request: Request, session: SignedInSession) -> Response:
        """The person's requests, newest first. Raises `PageProblem`."""
        after = parse_cursor(request)
        me = await self._load_page(request, session, after, PAGE_SIZE)
        found, active = me["dataRequests"], {each["number"] for each in me["restrictions"] or ()}
        requests = [{**each, "can_end": _can_end(each, active)} for each in found["nodes"]]
        page, own = found["pageInfo"], self._pages.get_link_query(request)
        made = request.query_params.get("made", "")
        return self._pages.render_page(
            request,
            "my_data/requests.html",
            session=session,
            requests=requests,
            made=made if _NUMBER.fullmatch(made) else None,
            older=f"{REQUESTS_PATH}?{urlencode({**own, 'after': page['endCursor']})}" if page["hasNextPage"] else None,
            is_first=after is None,
        )

    async def choose_kind(self, request: Request, session: SignedInSession) -> Response:
        """Choose what to ask for."""
        kinds = [(name, form.kind) for name, form in REQUEST_FORMS.items()]
        return self._pages.render_page(request, "my_data/request_kinds.html", session=session, kinds=kinds)

    async def show_form(self, request: Request, session: SignedInSession) -> Response:
        """The form of a kind. Raises `PageProblem`."""
        return self._render_form(request, session, FormState({"key": [uuid4().hex]}))

    async def make(self, request: Request, submission: FormSubmission) -> Response:
        """Make a request; shows the form again if it is not accepted."""
        form = _get_form(request)
        problems = check_submission(form, submission, self._offer_choices(request), self._pages.get_words(request))
        if problems or not submission.is_confirmed:
            notice = None if submission.is_confirmed else "signed_in_meanwhile"
            return self._render_form(request, submission.session, FormState(submission.fields, problems, notice))
        try:
            answer = await self._client.execute(
                request, submission.session, form.mutation, build_variables(form, submission)
            )
            made = get_object(answer, "made")
            notice = None if made else find_notice(answer) or "hub_down"
        except PageProblem as problem:
            made, notice = None, problem.name
        if made is None:
            return self._render_form(request, submission.session, FormState(submission.fields, {}, notice))
        return self._pages.redirect(request, REQUESTS_PATH, made=made["number"])

    async def confirm_withdrawal(self, request: Request, session: SignedInSession) -> Response:
        """Ask for confirmation before a request is withdrawn. Raises `PageProblem`."""
        wanted = await self._find(request, session)
        return self._pages.render_page(request, "my_data/withdraw_request.html", session=session, wanted=wanted)

    async def withdraw(self, request: Request, submission: FormSubmission) -> Response:
        """Withdraw a request, or end a restriction. Raises `PageProblem`."""
        if not submission.is_confirmed:
            raise PageProblem("foreign_form", HTTPStatus.FORBIDDEN)
        wanted = await self._find(request, submission.session)
        mutation = END_MUTATION if wanted["kind"] == "RESTRICTION" else WITHDRAW_MUTATION
        answer = await self._client.execute(request, submission.session, mutation, {"number": wanted["number"]})
        require_object(answer, "done")
        return self._pages.redirect(request, REQUESTS_PATH)

    async def _load_page(
        self, request: Request, session: SignedInSession, after: str | None, first: int
    ) -> Mapping[str, Any]:
        answer = await self._client.execute(request, session, REQUESTS_QUERY, {"first": first, "after": after})
        require_object(answer, "me", "dataRequests")
        return require_object(answer, "me")

    async def _find(self, request: Request, session: SignedInSession) -> Mapping[str, Any]:
        """The request in the path, if the person may still end it. Raises `PageProblem`."""
        number, after = str(request.path_params["number"]), None
        for _ in range(_MAX_PAGES):
            me = await self._load_page(request, session, after, 100)
            active = {each["number"] for each in me["restrictions"] or ()}
            for each in me["dataRequests"]["nodes"]:
                if each["number"] == number and _can_end(each, active):
                    return dict(each)
            page = me["dataRequests"]["pageInfo"]
            if not page["hasNextPage"]:
                break
            after = page["endCursor"]
        raise PageProblem("unknown_data_request", HTTPStatus.NOT_FOUND)

    def _offer_choices(self, request: Request) -> Mapping[str, Sequence[str]]:
        words = self._pages.get_words(request)
        named = [each for each in self._fields if words.named("correctable", each, "")]
        return {"field": named, "agency": self._agencies}

    def _render_form(self, request: Request, session: SignedInSession, state: FormState) -> Response:
        form = _get_form(request)
        return self._pages.render_page(
            request,
            "my_data/request_form.html",
            status=state.status,
            session=session,
            name=request.path_params["kind"],
            form=form,
            state=state,
            choices=self._offer_choices(request),
            purposes=(ALL_PURPOSES, *Purpose.__members__),
            maximum=MAX_TEXT_LENGTH,
        )


def _get_form(request: Request) -> RequestForm:
    form = REQUEST_FORMS.get(request.path_params["kind"])
    if form is None:
        raise PageProblem("no_such_page", HTTPStatus.NOT_FOUND)
    return form


def _can_end(request: Mapping[str, Any], active: frozenset[str] | set[str]) -> bool:
    if request["kind"] == "RESTRICTION":
        return request["number"] in active
    return request["state"] in _OPEN_STATES
