"""`/docs/...`: the project's documentation for developers, as the text of its Markdown files. In development only."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

DOCS_START = "/docs/frontend/README.md"
"""The address at which a developer of a frontend begins."""


class ProjectDocs:
    """Serves the Markdown files that the folder has at the start, and no other file."""

    def __init__(self, folder: Path) -> None:
        self._files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.md")}

    def routes(self) -> list[Route]:
        """The route."""
        return [Route("/docs/{path:path}", self._serve, methods=["GET"])]

    async def _serve(self, request: Request) -> Response:
        file = self._files.get(request.path_params["path"])
        if file is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return PlainTextResponse(file.read_text(encoding="utf-8"), headers={"Cache-Control": "no-cache"})
