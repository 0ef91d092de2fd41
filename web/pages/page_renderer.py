"""Renders the hub's own pages as HTML: templates (Jinja2, all values escaped), words, and security headers.

The pages work by keyboard, with a screen reader, on a narrow screen and on paper (WCAG 2.2 AA), and without scripts.
The content policy forbids scripts, except on pages with an own one. Pages load nothing from other servers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from web.languages import get_page_language
from web.pages.words import LANGUAGES, AgencyNames, Words, load_words

PAGE_POLICY: Final = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
"""Content-Security-Policy of all pages. Forms go only to the hub; links lead on to partners."""
_TEMPLATES: Final = Path(__file__).parent / "templates"
_FILE: Final = "/pages/{digest}/{name}"
_MEDIA_TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_RETRYABLE_PROBLEMS: Final = frozenset(
    {"session_over", "foreign_form", "ledger_down", "hub_down", "too_often", "sign_in_again"}
)
"""Problems that may be solved by opening the same page again."""
_KEPT_PARAMETERS: Final = frozenset({"after", "reader", "purpose", "period", "made", "q", "category", "kind", "state"})
"""Parameters of a page that its versions in other languages keep."""
_HEADERS: Final = {
    "Content-Security-Policy": PAGE_POLICY,
    "Cache-Control": "no-store",
    # With `no-referrer`, browsers keep the origin of forms to themselves (Fetch standard, "append a request Origin").
    "Referrer-Policy": "same-origin",
    "Vary": "Accept-Language, Cookie",
}


HOME_PATH: Final = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLinks:
    """The pages that this hub has, to which others lead."""

    sign_in: bool = False
    """Whether people can sign in and manage their consents."""
    complaints: bool = False
    """Whether people can submit complaints."""
    status: bool = False
    graphiql: bool = False
    sandbox: bool = False
    """Whether the people are those of the sandbox city."""

    @property
    def menu(self) -> Sequence[tuple[str, str]]:
        """Address and name (`frame` in the words) of each page in the menu."""
        shown = (
            (HOME_PATH, "home", True),
            ("/cases", "cases", self.sign_in),
            ("/my-data", "my_data", self.sign_in),
            ("/consents", "consents", self.sign_in),
            ("/status", "status", self.status),
        )
        return [(path, name) for path, name, is_there in shown if is_there]


class PageProblem(Exception):  # noqa: N818 - a page about a problem
    """A page that is shown instead of the requested one. `name` is its name in the words, under `problems`."""

    def __init__(
        self, name: str, status: HTTPStatus, *, headers: Mapping[str, str] | None = None, **values: str
    ) -> None:
        super().__init__(name)
        self.name = name
        self.status = status
        self.headers: Mapping[str, str] = headers or {}
        """Headers of the page, such as `Retry-After`."""
        self.values = values


class PageRenderer:
    """Renders pages. Reads templates, words and styles once, at construction."""

    def __init__(self, links: PageLinks, agency_names: AgencyNames = MappingProxyType({})) -> None:
        """`links` are the pages to which every page leads."""
        self.links = links
        self._templates = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._words = load_words(agency_names)
        self._files = {
            path.name: path.read_bytes() for path in sorted(_TEMPLATES.iterdir()) if path.suffix in _MEDIA_TYPES
        }
        self._addresses = {
            name: _FILE.format(digest=hashlib.sha256(content).hexdigest()[:16], name=name)
            for name, content in self._files.items()
        }

    def routes(self) -> list[Route]:
        """Style sheets and scripts. Each address contains the digest of the content, so the content never changes."""
        return [Route(_FILE, self._serve_file)]

    def get_words(self, request: Request) -> Words:
        """The words in the language of the request."""
        return self._words[get_page_language(request).value]

    def get_link_query(self, request: Request) -> dict[str, str]:
        """The query of links within the hub, which keeps a chosen language."""
        chosen = request.query_params.get("lang")
        return {"lang": chosen} if chosen is not None and chosen in LANGUAGES else {}

    def redirect(self, request: Request, path: str, **query: str) -> Response:
        """Lead to another page of the hub, in the chosen language."""
        wanted = {**self.get_link_query(request), **query}
        address = f"{path}?{urlencode(wanted)}" if wanted else path
        return RedirectResponse(address, HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"})

    def render_page(
        self,
        request: Request,
        template: str,
        *,
        status: HTTPStatus = HTTPStatus.OK,
        policy: str = PAGE_POLICY,
        **values: Any,  # noqa: ANN401 - values of the template
    ) -> Response:
        """A page. With `session` in `values`, it offers to sign out; `policy` is its Content-Security-Policy."""
        words = self.get_words(request)
        html = self._templates.get_template(template).render(
            {
                "words": words,
                "own": {"query": f"?{urlencode(query)}" if (query := self.get_link_query(request)) else ""},
                "others": {
                    each: self._build_language_link(request, each) for each in LANGUAGES if each != words.language
                },
                "files": self._addresses,
                "links": self.links,
                "path": request.url.path,
                "session": None,
                "until": getattr(request.state, "until", None),
                **values,
            }
        )
        headers = {**_HEADERS, "Content-Security-Policy": policy, "Content-Language": words.language}
        return HTMLResponse(html, status, headers)

    def render_part(self, template: str, words: Words, **values: Any) -> str:  # noqa: ANN401 - as for `render_page`
        """A part of a page, with all values escaped."""
        return self._templates.get_template(template).render({"words": words, **values})

    def render_problem(self, request: Request, problem: PageProblem, **values: Any) -> Response:  # noqa: ANN401 - as for `render_page`
        """The page of a problem."""
        words = self.get_words(request)["problems"][problem.name]
        text = words["text"].format(**problem.values)
        again = request.url.path if problem.name in _RETRYABLE_PROBLEMS and request.path_params else None
        response = self.render_page(
            request, "problem.html", status=problem.status, heading=words["heading"], text=text, again=again, **values
        )
        response.headers.update(problem.headers)
        return response

    def _build_language_link(self, request: Request, language: str) -> tuple[str, str]:
        """The address of the page in another language, and the name of that language."""
        query = {name: value for name, value in request.query_params.items() if name in _KEPT_PARAMETERS}
        return f"{request.url.path}?{urlencode({**query, 'lang': language})}", self._words[language]["frame"]["name"]

    async def _serve_file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if self._addresses.get(name) != request.url.path:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        media_type = _MEDIA_TYPES[Path(name).suffix]
        headers = {"Content-Type": media_type, "Cache-Control": "public, max-age=31536000, immutable"}
        return Response(self._files[name], headers=headers)
