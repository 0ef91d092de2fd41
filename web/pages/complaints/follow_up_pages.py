"""`/complaints/{id}`: one complaint, and what the signed-in person may do with it. A client of the graph."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from auth.oidc.page_session import SignedInSession
from schema.tools.document_fields import GraphDocuments
from web.pages.internal_client import InternalClient
from web.pages.page_renderer import PAGE_POLICY, PageProblem, PageRenderer
from web.pages.personal_routes import (
    FormState,
    FormSubmission,
    PersonalRoute,
    PersonalRoutes,
    get_object,
    get_problem_text,
    require_object,
)

COMPLAINT_PATH: Final = "/complaints/{id}"
COMPLAINT_QUERY: Final = """\
query ComplaintOnPage($id: ID!) {
  me { complaints { ...Shown } }
  node(id: $id) { ...Shown }
}
fragment Shown on Complaint {
  id number categoryName description status visibility address reportedAt dueAt resolvedAt supportCount rating
  photos { url alternativeText width height }
  delivery isOpen
  region { name }
  events { at status note agency }
  comments { at text byReporter }
}
"""
_POLICY: Final = f"{PAGE_POLICY}; img-src 'self'"
"""Photos come from the hub, for those who may see the complaint (`web/endpoints/photos.py`)."""
_ID: Final = re.compile(r"[A-Za-z0-9_=-]{1,400}", re.ASCII)
_MAX_TEXT: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """Something that a person does with a complaint."""

    mutation: str
    is_of_reporter: bool
    """Whether it is for one's own complaints only; otherwise, for public ones too."""
    types: Mapping[str, str] = field(default_factory=dict)
    """The fields of the form, which are the arguments of the mutation, with their types."""
    more: str = ""
    """Selected beside the receipt and the problem."""

    @property
    def required(self) -> Collection[str]:
        """The fields that must be filled in."""
        return [name for name, type_ in self.types.items() if type_.endswith("!")]

    @property
    def document(self) -> str:
        """The operation."""
        variables = "".join(f", ${name}: {type_}" for name, type_ in self.types.items())
        arguments = "".join(f", {name}: ${name}" for name in self.types)
        return (
            f"mutation {self.mutation[0].upper()}{self.mutation[1:]}OnPage($id: ID!, $key: String!{variables}) {{"
            f" done: {self.mutation}(id: $id, key: $key{arguments}) {{"
            f" ... on CommandReceipt {{ number }} ... on CommandProblem {{ code field message }} {self.more} }} }}"
        )


FOLLOW_UPS: Final[Mapping[str, FollowUp]] = {
    "publish": FollowUp(
        mutation="publishComplaint",
        is_of_reporter=True,
        types={"confirmation": "String"},
        more="... on ComplaintPublication { description address photoCount confirmation warning }",
    ),
    "rate": FollowUp(mutation="rateResolution", is_of_reporter=True, types={"rating": "Int!", "text": "String"}),
    "comment": FollowUp(mutation="commentComplaint", is_of_reporter=False, types={"text": "String!"}),
    "withdraw": FollowUp(mutation="withdrawComplaint", is_of_reporter=True, types={"reason": "String"}),
    "support": FollowUp(mutation="supportComplaint", is_of_reporter=False),
}
"""By the last part of the address."""
FOLLOW_UP_PATHS: Final = tuple(f"{COMPLAINT_PATH}/{name}" for name in FOLLOW_UPS)


class FollowUpPages:
    """The pages."""

    def __init__(self, client: InternalClient, pages: PageRenderer, documents: GraphDocuments) -> None:
        """Offers what the hub's graph has."""
        self._client = client
        self._pages = pages
        self._query = documents.fit(COMPLAINT_QUERY)
        self._names = [name for name, each in FOLLOW_UPS.items() if documents.has_mutation(each.mutation)]

    def routes(self) -> PersonalRoutes:
        """The routes."""
        return [
            PersonalRoute(path=COMPLAINT_PATH, show=self.show),
            *(
                PersonalRoute(
                    path=f"{COMPLAINT_PATH}/{name}",
                    show=partial(self.show_form, name),
                    submit=partial(self.submit, name),
                )
                for name in self._names
            ),
        ]

    async def show(self, request: Request, session: SignedInSession) -> Response:
        """One complaint. Raises `PageProblem`."""
        complaint = await self._load(request, session)
        done = request.query_params.get("done")
        return self._pages.render_page(
            request,
            "complaints/complaint.html",
            policy=_POLICY,
            session=session,
            complaint=complaint,
            actions=[name for name in self._names if _is_offered(name, complaint)],
            done=done if done in FOLLOW_UPS else None,
        )

    async def show_form(self, name: str, request: Request, session: SignedInSession) -> Response:
        """The form of an action; for a publication, what everybody will see. Raises `PageProblem`."""
        return await self._render_form(name, request, session, FormState({"key": [uuid4().hex]}))

    async def submit(self, name: str, request: Request, submission: FormSubmission) -> Response:
        """Carry out an action; shows its form again if it is not accepted. Raises `PageProblem`."""
        session, words = submission.session, self._pages.get_words(request)
        problems = _check(FOLLOW_UPS[name], submission, words["follow_up"]["problems"])
        notice = None if submission.is_confirmed else "signed_in_meanwhile"
        if not problems and notice is None:
            try:
                found = await self._run(name, request, session, _build_variables(FOLLOW_UPS[name], submission))
                if "number" in found:
                    return self._pages.redirect(request, COMPLAINT_PATH.format(id=_parse_id(request)), done=name)
                if "message" in found:  # else it is the preview of a publication, which the page shows
                    place = found["field"] if found["field"] in FOLLOW_UPS[name].types else "action"
                    problems = {place: get_problem_text(found)}
            except PageProblem as problem:
                notice = problem.name
        return await self._render_form(name, request, session, FormState(submission.fields, problems, notice))

    async def _render_form(self, name: str, request: Request, session: SignedInSession, state: FormState) -> Response:
        complaint = await self._load(request, session)
        if not _is_offered(name, complaint) and not state.problems:
            raise PageProblem("not_offered", HTTPStatus.CONFLICT)
        preview = None
        if name == "publish":
            preview = await self._run(name, request, session, {"key": state.get("key")})
            if "message" in preview:
                state = FormState(state.values, {"action": get_problem_text(preview)}, state.notice)
        return self._pages.render_page(
            request,
            "complaints/follow_up.html",
            status=state.status,
            policy=_POLICY,
            session=session,
            name=name,
            form=FOLLOW_UPS[name],
            complaint=complaint,
            preview=preview,
            state=state,
            maximum=_MAX_TEXT,
        )

    async def _run(
        self, name: str, request: Request, session: SignedInSession, variables: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        values = {**variables, "id": _parse_id(request)}
        answer = await self._client.execute(request, session, FOLLOW_UPS[name].document, values)
        return require_object(answer, "done")

    async def _load(self, request: Request, session: SignedInSession) -> Mapping[str, Any]:
        """The complaint in the path, with `is_own`. Another person's private one is as unknown as none."""
        id_ = _parse_id(request)
        answer = await self._client.execute(request, session, self._query, {"id": id_})
        # A complaint system may name the reporter in the person's own list only.
        own = (get_object(answer, "me") or {}).get("complaints") or ()
        for each in own:
            if each["id"] == id_:
                return {**each, "is_own": True}
        found = get_object(answer, "node")
        if found is not None and found.get("description") is not None:
            return {**found, "is_own": False}
        if any((each.get("extensions") or {}).get("agency") for each in answer.get("errors", ())):
            raise PageProblem("hub_down", HTTPStatus.SERVICE_UNAVAILABLE)
        raise PageProblem("unknown_complaint", HTTPStatus.NOT_FOUND)


def _is_offered(name: str, complaint: Mapping[str, Any]) -> bool:
    """Whether the page offers an action. The graph decides."""
    is_public, status = complaint["visibility"] == "PUBLIC", complaint["status"]
    if FOLLOW_UPS[name].is_of_reporter and not complaint["is_own"]:
        return False
    match name:
        case "publish":
            return not is_public
        case "rate":
            return bool(status == "RESOLVED" and complaint.get("rating") is None)
        case "withdraw":
            return bool(complaint.get("isOpen"))
        case "support":
            return bool(is_public and not complaint["is_own"])
        case _:
            return bool(is_public or complaint["is_own"])


def _check(form: FollowUp, submission: FormSubmission, texts: Mapping[str, str]) -> Mapping[str, str]:
    problems = {part: texts[part] for part in form.required if not submission.get(part)}
    for part in form.types.keys() & {"text", "reason"}:
        if len(submission.get(part)) > _MAX_TEXT:
            problems[part] = texts["too_long"].format(length=len(submission.get(part)), maximum=_MAX_TEXT)
    if "rating" in form.types and submission.get("rating") not in {"", *"12345"}:
        problems["rating"] = texts["rating"]
    return problems


def _build_variables(form: FollowUp, submission: FormSubmission) -> Mapping[str, Any]:
    """The variables of the mutation."""
    variables: dict[str, Any] = {part: submission.get(part) or None for part in form.types}
    content = repr([(part, variables[part]) for part in form.types if part != "confirmation"])
    if "rating" in variables:
        variables["rating"] = int(variables["rating"])
    return {**variables, "key": submission.build_key(content)}


def _parse_id(request: Request) -> str:
    found = str(request.path_params["id"])
    if not _ID.fullmatch(found):
        raise PageProblem("unknown_complaint", HTTPStatus.NOT_FOUND)
    return found
