"""`/my-data/export`: a signed-in person downloads everything that the hub can reach about them, as one file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import Response

from auth.caller import Caller
from auth.oidc.page_session import SignedInSession
from web.http_errors import HttpError, HttpErrorCode
from web.pages.page_renderer import PageProblem, PageRenderer
from web.pages.personal_routes import FormSubmission, PersonalRoute, PersonalRoutes

EXPORT_PATH: Final = "/my-data/export"
_PROBLEMS: Final = {
    HttpErrorCode.FORBIDDEN: "more_assurance",
    HttpErrorCode.TOO_MANY_EXPORTS: "too_many_exports",
    HttpErrorCode.EXPORT_UNAVAILABLE: "export_unavailable",
}


class ExportResponses(Protocol):
    """The export of the hub (`web/endpoints/export.py`)."""

    def respond(self, person: Caller, render_refusal: Callable[[HttpError], Response], /) -> Response:
        """The export as a response; `render_refusal` builds the response that says why there is none."""


class ExportPage:
    """The page."""

    def __init__(self, exports: ExportResponses, pages: PageRenderer) -> None:
        self._exports = exports
        self._pages = pages

    def routes(self) -> PersonalRoutes:
        """The route."""
        return [PersonalRoute(path=EXPORT_PATH, show=self.show, submit=self.download, needs_recent_sign_in=True)]

    async def show(self, request: Request, session: SignedInSession) -> Response:
        """What the file holds, and the button."""
        return self._pages.render_page(request, "my_data/export.html", session=session)

    async def download(self, request: Request, submission: FormSubmission) -> Response:
        """The file. Raises `PageProblem`."""
        if not submission.is_confirmed:
            raise PageProblem("foreign_form", HTTPStatus.FORBIDDEN)
        session = submission.session
        return self._exports.respond(session.caller, partial(self._render_refusal, request, session))

    def _render_refusal(self, request: Request, session: SignedInSession, refusal: HttpError) -> Response:
        name = _PROBLEMS.get(refusal.code, "hub_down")
        problem = PageProblem(name, HTTPStatus(refusal.code.status), headers=refusal.headers)
        return self._pages.render_problem(request, problem, session=session)
