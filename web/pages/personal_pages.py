"""Builds the hub's own pages for people who sign in. Their errors are pages, not JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from web.http_errors import CLIENT_CLOSED_REQUEST, HttpError
from web.middleware.incidents import log_incident
from web.middleware.request_identity import get_call
from web.pages.consent_pages import CONSENT_PATH, CONSENTS_PATH, REVOKE_PATH, ConsentPages
from web.pages.home_page import SIGN_IN_PATH, HomePage
from web.pages.page_renderer import HOME_PATH, PageProblem, PageRenderer
from web.pages.page_session import FORM_TOKEN_FIELD, Form, PageSessions, has_form_token, parse_fields
from web.pages.page_uploads import FormFiles, PageUploads
from web.pages.personal_routes import (
    FormSubmission,
    PersonalEndpoint,
    PersonalRoute,
    PersonalRoutes,
    SubmissionEndpoint,
)
from web.pages.sign_in_pages import (
    CALLBACK_PATH,
    ISSUER_LOGOUT_PATH,
    SIGN_OUT_PATH,
    SIGNED_OUT_PATH,
    HubSignInPages,
)

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class PersonalPageRules:
    """The rules of all pages."""

    max_sign_in_age: int
    """Maximum age in seconds of an authentication that allows changes."""
    with_messages: bool
    """Whether the log contains the texts of unexpected errors, which may hold personal data."""
    uploads: PageUploads
    """The limits of forms with files."""


class PersonalPages:
    """The pages, with their checks of sessions."""

    def __init__(
        self,
        *,
        sign_in: HubSignInPages,
        consents: ConsentPages,
        more: PersonalRoutes,
        sessions: PageSessions,
        pages: PageRenderer,
        rules: PersonalPageRules,
    ) -> None:
        """`more` are the routes of other folders of pages."""
        self._home = HomePage(pages)
        self._more = more
        self._sign_in = sign_in
        self._consents = consents
        self._sessions = sessions
        self._pages = pages
        self._rules = rules

    def routes(self) -> list[Route]:
        """The routes."""
        consents, sign_in = self._consents, self._sign_in
        return [
            Route(HOME_PATH, self._show_problems(self._extend_session(self._show_home)), methods=["GET"]),
            Route(SIGN_IN_PATH, self._show_problems(self._require_session(self._home.return_home)), methods=["GET"]),
            Route(
                CONSENT_PATH,
                self._show_problems(self._require_session(consents.show_request, needs_recent_sign_in=True)),
                methods=["GET"],
            ),
            Route(CONSENT_PATH, self._show_problems(self._extend_session(consents.decide)), methods=["POST"]),
            Route(CONSENTS_PATH, self._show_problems(self._require_session(consents.show_list)), methods=["GET"]),
            Route(
                REVOKE_PATH,
                self._show_problems(self._require_session(consents.confirm_revocation, needs_recent_sign_in=True)),
                methods=["GET"],
            ),
            Route(REVOKE_PATH, self._show_problems(self._extend_session(consents.revoke)), methods=["POST"]),
            Route(CALLBACK_PATH, self._show_problems(sign_in.finish_sign_in), methods=["GET"]),
            Route(SIGN_OUT_PATH, self._show_problems(self._extend_session(sign_in.sign_out)), methods=["POST"]),
            Route(ISSUER_LOGOUT_PATH, self._show_problems(sign_in.handle_issuer_logout), methods=["POST"]),
            Route(SIGNED_OUT_PATH, self._show_problems(sign_in.show_signed_out), methods=["GET"]),
            *(route for each in self._more for route in self._build_routes(each)),
        ]

    def _build_routes(self, route: PersonalRoute) -> Iterator[Route]:
        if route.show is not None:
            page = self._require_session(route.show, needs_recent_sign_in=route.needs_recent_sign_in)
            yield Route(route.path, self._show_problems(page), methods=["GET"])
        if route.submit is not None:
            handler = self._handle_submission(route.submit, takes_files=route.takes_files)
            yield Route(route.path, self._show_problems(handler), methods=["POST"])

    def _handle_submission(self, submit: SubmissionEndpoint, *, takes_files: bool) -> Endpoint:
        """Handle a form of an own page. If the session has ended, a page keeps the text until the next sign-in."""

        async def take(request: Request, form: Form, files: FormFiles) -> Response:
            session = self._sessions.get_loaded_session(request)
            if session is None:
                kept = [(name, value) for name, values in form.items() for value in values if name != FORM_TOKEN_FIELD]
                address = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
                return self._pages.render_page(
                    request, "kept.html", status=HTTPStatus.FORBIDDEN, kept=kept, address=address, has_files=bool(files)
                )
            return await submit(request, FormSubmission(session, form, has_form_token(session, form), files))

        async def endpoint(request: Request) -> Response:
            self._sessions.check_own_page(request)
            await self._sessions.load_session(request)
            uploads = self._rules.uploads
            if takes_files and uploads.is_multipart(request):
                async with uploads.read_form(request) as (form, files):
                    return await take(request, form, files)
            return await take(request, await parse_fields(request), {})

        return self._extend_session(endpoint)

    async def _show_home(self, request: Request) -> Response:
        return self._home.render(request, self._sessions.get_loaded_session(request))

    def _require_session(self, page: PersonalEndpoint, *, needs_recent_sign_in: bool = False) -> Endpoint:
        """A page for a signed-in person; others have to sign in first. Extends the session.

        With `needs_recent_sign_in`, the person must have authenticated within half of the time that the graph allows,
        so that the other half is left to read and answer.
        """
        max_age = self._rules.max_sign_in_age // 2 if needs_recent_sign_in else None

        async def endpoint(request: Request) -> Response:
            address = self._sessions.find_canonical_address(request)
            if address is not None:
                return RedirectResponse(address, HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"})
            session = await self._sessions.load_session(request)
            if session is None or (
                max_age is not None and not self._sessions.is_recently_authenticated(session, max_age)
            ):
                return await self._sign_in.start_sign_in(request, max_age=max_age)
            request.state.until = self._sessions.get_session_end(session)
            response = await page(request, session)
            self._sessions.set_session_cookie(response, session)
            return response

        return endpoint

    def _extend_session(self, endpoint: Endpoint) -> Endpoint:
        """Handle a form of a signed-in person; refuses it by a `PageProblem`. Extends the session."""

        async def extending_endpoint(request: Request) -> Response:
            session = await self._sessions.load_session(request)
            if session is not None:
                request.state.until = self._sessions.get_session_end(session)
            response = await endpoint(request)
            if (still := self._sessions.get_loaded_session(request)) is not None:
                self._sessions.set_session_cookie(response, still)
            return response

        return extending_endpoint

    def _show_problems(self, endpoint: Endpoint) -> Endpoint:
        """An endpoint whose problems are shown as pages."""

        async def shown(request: Request) -> Response:
            try:
                return await endpoint(request)
            except PageProblem as problem:
                request.state.until = None
                return self._pages.render_problem(request, problem, session=self._sessions.get_loaded_session(request))
            except HttpError:
                raise
            except ClientDisconnect:
                return Response(status_code=CLIENT_CLOSED_REQUEST)
            except Exception as error:  # noqa: BLE001 - a person gets a page with the number, not JSON
                number = log_incident(
                    error, get_call(request.scope).request_id, with_messages=self._rules.with_messages
                )
                incident = PageProblem("incident", HTTPStatus.INTERNAL_SERVER_ERROR, number=number)
                return self._pages.render_problem(request, incident)

        return shown
