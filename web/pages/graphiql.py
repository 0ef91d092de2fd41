"""GraphiQL at `/graphiql`, wholly from this server: no CDN, so it works on a closed network under `script-src 'self'`.

The packages are fetched by `make` where npm is installed; where they are missing the page says what to do, and
everything else of the hub works.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the page. Styles may stand inline because GraphiQL's dialogs and menus write them."""

_STATIC_FOLDER = Path(__file__).parent / "static" / "graphiql"
_PACKAGE_FILES: Mapping[str, str] = {
    "react.js": "react/umd/react.production.min.js",
    "react-dom.js": "react-dom/umd/react-dom.production.min.js",
    "graphiql.js": "graphiql/graphiql.min.js",
    "graphiql.css": "graphiql/graphiql.min.css",
}
"""The only files of the packages that are served, by the name they are served under."""
_MEDIA_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePerson:
    """A sample person that a developer can act as. `repr` never shows the token."""

    name: str
    title: str
    """What the person is to the city, such as `citizen` or `official of the population register`."""
    description: str
    """What there is to see as this person."""
    token: str
    is_registered_client: bool = False
    """Whether this is a partner, which runs registered operations only: the page sends the operation's name as id."""

    def __repr__(self) -> str:
        """Name and title only."""
        return f"<SamplePerson {self.name}, {self.title}>"


LoadSamplePeople = Callable[[], Awaitable[Sequence[SamplePerson]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleOperation:
    """An example operation: `<name>.graphql`, and `<name>.variables.json` where it takes variables."""

    name: str
    title: str
    """The text of the file's first comment."""
    query: str
    variables: str | None
    person: str | None = None
    """The sample person whose token it uses at first; None for no token."""


@dataclass(frozen=True, slots=True)
class _Asset:
    content: bytes
    media_type: str
    digest: str


def load_examples(folder: Path, *, for_sandbox: bool = False) -> list[ExampleOperation]:
    """The examples of a folder, by file name; none where there is no folder.

    `for_sandbox` adds those of its folder `sandbox`, and the sample person of each, which `people.json` names.
    """
    return [
        _load_example(path, people.get(path.stem))
        for each, people in [
            (folder, _load_people(folder) if for_sandbox else {}),
            *([(folder / "sandbox", _load_people(folder / "sandbox"))] if for_sandbox else []),
        ]
        for path in sorted(each.glob("*.graphql"))
    ]


def _load_people(folder: Path) -> Mapping[str, str]:
    file = folder / "people.json"
    people: Mapping[str, str] = orjson.loads(file.read_bytes()) if file.exists() else {}
    return people


def _load_example(path: Path, person: str | None) -> ExampleOperation:
    query = path.read_text(encoding="utf-8")
    first = query.lstrip().partition("\n")[0]
    variables = path.with_suffix(".variables.json")
    return ExampleOperation(
        name=path.stem,
        title=first.lstrip("# ").rstrip() if first.startswith("#") else path.stem,
        query=query,
        variables=variables.read_text(encoding="utf-8") if variables.exists() else None,
        person=person,
    )


def _load_asset(path: Path) -> _Asset:
    content = path.read_bytes()
    return _Asset(content, _MEDIA_TYPES[path.suffix], hashlib.sha256(content).hexdigest()[:16])


class GraphiQL:
    """The page, its assets, the examples and the sample people. Reads every file once, when it is made."""

    def __init__(
        self,
        *,
        packages: Path,
        examples: Path,
        sample_people: LoadSamplePeople | None,
        links: Mapping[str, str],
        needs_token: bool = False,
    ) -> None:
        """Read the files of the page.

        `links` are other pages of the hub, by name. With `needs_token`, the page sends no operation without a token.
        """
        self._sample_people = sample_people
        self._examples = orjson.dumps(
            [asdict(example) for example in load_examples(examples, for_sandbox=sample_people is not None)]
        )
        paths = {name: packages / path for name, path in _PACKAGE_FILES.items()}
        self.is_installed = all(path.is_file() for path in paths.values())
        """Whether the npm packages are there."""
        own = {name: _STATIC_FOLDER / name for name in ("init.js", "style.css")}
        self._assets = {
            name: _load_asset(path) for name, path in {**own, **(paths if self.is_installed else {})}.items()
        }
        page = (_STATIC_FOLDER / ("index.html" if self.is_installed else "missing.html")).read_text(encoding="utf-8")
        for name, asset in self._assets.items():
            page = page.replace(f"{{{{{name}}}}}", f"/graphiql/assets/{asset.digest}/{name}")
        links_html = "".join(f'<a href="{escape(path)}">{escape(name)}</a>' for name, path in links.items())
        page = page.replace("{{links}}", links_html)
        page = page.replace("{{people}}", "no" if sample_people is None else "yes")
        self._page = page.replace("{{token}}", "needed" if needs_token else "optional")

    def routes(self) -> list[Route]:
        """Everything under `/graphiql`."""
        routes = [
            Route("/graphiql", self._show_page),
            Route("/graphiql/assets/{digest}/{name}", self._serve_asset),
            Route("/graphiql/examples.json", self._list_examples),
        ]
        if self._sample_people is not None:
            routes.append(Route("/graphiql/people.json", self._list_people))
        return routes

    async def _show_page(self, request: Request) -> Response:
        # The Host header was held to the names of this hub before (`web/middleware/hosts.py`).
        return Response(
            self._page.replace("{{hub}}", escape(str(request.base_url).rstrip("/"))),
            media_type="text/html",
            headers={"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"},
        )

    async def _serve_asset(self, request: Request) -> Response:
        asset = self._assets.get(request.path_params["name"])
        if asset is None or asset.digest != request.path_params["digest"]:
            raise HTTPException(404)
        # The address holds the digest of the content, so it never means anything else.
        headers = {"Content-Type": asset.media_type, "Cache-Control": "public, max-age=31536000, immutable"}
        return Response(asset.content, headers=headers)

    async def _list_examples(self, _request: Request) -> Response:
        return Response(self._examples, headers={"Content-Type": "application/json", "Cache-Control": "no-cache"})

    async def _list_people(self, _request: Request) -> Response:
        people = [] if self._sample_people is None else await self._sample_people()
        body = orjson.dumps([asdict(person) for person in people])
        return Response(body, headers={"Content-Type": "application/json", "Cache-Control": "no-store"})
