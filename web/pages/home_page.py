"""`/`: who the visitor is to this hub, and what they can do here. It asks no agency and no graph."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.oidc.page_session import SignedInSession
from web.pages.page_renderer import HOME_PATH, PageRenderer

SIGN_IN_PATH = "/sign-in"
"""Leads a visitor to sign in, and back to the home page."""


class HomePage:
    """The page, for a hub with or without sign-in."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages

    def routes(self) -> list[Route]:
        """The route of a hub to which people cannot sign in; `PersonalPages` has its own."""
        return [Route(HOME_PATH, self._show, methods=["GET"])]

    async def _show(self, request: Request) -> Response:
        return self.render(request, None)

    def render(self, request: Request, session: SignedInSession | None) -> Response:
        """The page for a signed-in person, or for a visitor."""
        return self._pages.render_page(request, "home.html", session=session)

    async def return_home(self, request: Request, _session: SignedInSession) -> Response:
        """Redirect a person who has signed in."""
        return self._pages.redirect(request, HOME_PATH)
