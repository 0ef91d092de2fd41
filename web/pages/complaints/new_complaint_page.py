"""`/complaints/new`: the signed-in person submits a complaint, with photos. A client of the graph."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from itertools import groupby
from typing import Any, Final
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from auth.oidc.page_session import SignedInSession
from web.pages.complaints.complaint_form import (
    MAX_ADDRESS_LENGTH,
    MAX_DESCRIPTION_LENGTH,
    MAX_PHOTOS,
    SUBMIT_MUTATION,
    build_variables,
    check_form,
    place_problem,
)
from web.pages.complaints.places import ComplaintPlace, Places, find_places
from web.pages.internal_client import InternalClient, ResponseMap
from web.pages.page_renderer import PageProblem, PageRenderer
from web.pages.personal_routes import (
    FormState,
    FormSubmission,
    PersonalRoute,
    PersonalRoutes,
    require_object,
)

NEW_COMPLAINT_PATH: Final = "/complaints/new"
RECEIPT_PATH: Final = "/complaints/receipts/{number}"
CATEGORIES_QUERY: Final = """\
query CategoriesOnPage($search: String!) {
  complaintCategories(search: $search) { code name description group }
}
"""
QUESTIONS_QUERY: Final = """\
query QuestionsOnPage($name: String!) {
  complaintCategories(search: $name) {
    code
    questions { code kind isRequired text hint choices { key name } }
  }
}
"""
RECEIPT_QUERY: Final = """\
query ReceiptOnPage {
  me {
    receipts { number kind state acceptedAt problem }
    complaints { id reportedAt }
  }
}
"""
_CODE: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_MAX_SEARCH: Final = 100


class NewComplaintPage:
    """The pages."""

    def __init__(
        self, client: InternalClient, pages: PageRenderer, places: Places, questions_query: str = QUESTIONS_QUERY
    ) -> None:
        """`questions_query` is the part of `QUESTIONS_QUERY` that the hub's graph has."""
        self._client = client
        self._pages = pages
        self._places = places
        self._questions_query = questions_query

    def routes(self) -> PersonalRoutes:
        """The routes."""
        return [
            PersonalRoute(path=NEW_COMPLAINT_PATH, show=self.show, submit=self.submit, takes_files=True),
            PersonalRoute(path=RECEIPT_PATH, show=self.show_receipt),
        ]

    async def show(self, request: Request, session: SignedInSession) -> Response:
        """Choose a category, then fill in the form. Raises `PageProblem`."""
        if "category" in request.query_params:
            return await self._render_form(request, session, FormState({"key": [uuid4().hex]}))
        search = request.query_params.get("q", "").replace("\0", "").strip()[:_MAX_SEARCH]
        answer = await self._client.execute(request, session, CATEGORIES_QUERY, {"search": search})
        categories = sorted(_list_categories(answer), key=lambda each: (not each["group"], each["group"]))
        groups = [(group, list(some)) for group, some in groupby(categories, key=lambda each: each["group"] or "")]
        return self._pages.render_page(
            request, "complaints/categories.html", session=session, groups=groups, search=search
        )

    async def submit(self, request: Request, submission: FormSubmission) -> Response:
        """Submit the complaint; shows the form again if it is not accepted. Raises `PageProblem`."""
        session, words = submission.session, self._pages.get_words(request)
        if not submission.is_confirmed:
            state = FormState(submission.fields, {}, "signed_in_meanwhile")
            return await self._render_form(request, session, state)
        try:
            places = await self._places.load(request, session)
            problems = check_form(submission, places, words)
            if not problems:
                found = await self._send(request, submission, places)
                if "number" in found:
                    return self._pages.redirect(request, RECEIPT_PATH.format(number=found["number"]))
                problems = place_problem(found, submission)
            if submission.files:
                problems = {"photo-1": words["complaint"]["problems"]["photos_again"], **problems}
        except PageProblem as problem:
            if problem.status is HTTPStatus.NOT_FOUND:
                raise
            return await self._render_form(request, session, FormState(submission.fields, {}, problem.name))
        return await self._render_form(request, session, FormState(submission.fields, problems))

    async def _send(
        self, request: Request, submission: FormSubmission, places: Sequence[ComplaintPlace]
    ) -> Mapping[str, Any]:
        """The receipt or the problem. Raises `PageProblem`."""
        category = await self._load_category(request, submission.session)
        variables = build_variables(submission, category["code"], places, category.get("questions") or ())
        answer = await self._client.execute(request, submission.session, SUBMIT_MUTATION, variables)
        return require_object(answer, "submitComplaint")

    async def show_receipt(self, request: Request, session: SignedInSession) -> Response:
        """The receipt of a complaint. Raises `PageProblem`."""
        me = require_object(await self._client.execute(request, session, RECEIPT_QUERY), "me")
        number = request.path_params["number"]
        receipt = next((each for each in me["receipts"] or () if each["number"] == number), None)
        if receipt is None:
            raise PageProblem("unknown_complaint", HTTPStatus.NOT_FOUND)
        # The hub's own complaints begin when it accepted them.
        own = [each["id"] for each in me["complaints"] or () if each["reportedAt"] == receipt["acceptedAt"]]
        return self._pages.render_page(
            request,
            "complaints/receipt.html",
            session=session,
            receipt=receipt,
            complaint=own[0] if len(own) == 1 else None,
        )

    async def _render_form(self, request: Request, session: SignedInSession, state: FormState) -> Response:
        category = await self._load_category(request, session)
        places = await self._places.load(request, session)
        typed = state.get("place")
        matches = find_places(places, typed) if "place" in state.problems else ()
        return self._pages.render_page(
            request,
            "complaints/new.html",
            status=state.status,
            session=session,
            category=category,
            places=places,
            matches=matches,
            state=state,
            limits={"description": MAX_DESCRIPTION_LENGTH, "address": MAX_ADDRESS_LENGTH, "photos": MAX_PHOTOS},
        )

    async def _load_category(self, request: Request, session: SignedInSession) -> Mapping[str, Any]:
        """The category in the query, with its questions; with its code alone if the complaint system is down."""
        code = request.query_params.get("category", "")
        if not _CODE.fullmatch(code):
            raise PageProblem("no_such_page", HTTPStatus.NOT_FOUND)
        answer = await self._client.execute(request, session, CATEGORIES_QUERY, {"search": ""})
        if (answer.get("data") or {}).get("complaintCategories") is None:
            return {"code": code, "name": None, "description": None}
        found = _find_category(answer, code)
        if found is None:
            raise PageProblem("no_such_page", HTTPStatus.NOT_FOUND)
        # The questions of one category: each may be a call to the complaint system.
        answer = await self._client.execute(request, session, self._questions_query, {"name": found["name"] or ""})
        return {**found, **(_find_category(answer, code) or {})}


def _find_category(answer: ResponseMap, code: str) -> Mapping[str, Any] | None:
    return next((each for each in _list_categories(answer) if each["code"] == code), None)


def _list_categories(answer: ResponseMap) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = (answer.get("data") or {}).get("complaintCategories") or ()
    return found
