"""A stand-in server of an agency that speaks GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/)."""

from __future__ import annotations

import json
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from sandbox.agency import AgencySpec
from sandbox.control import REFUSED, AgencyControl, AgencyMode
from sandbox.stand_ins.graphql.subgraph import Subgraph
from sandbox.stand_ins.http_credential import HttpCredentialCheck
from sandbox.stand_ins.sources import StandInSource

_MEDIA_TYPE: Final = "application/graphql-response+json"


class GraphqlStandIn:
    """The service on the agency's port. Raises `CannotStartError` for samples that cannot be served."""

    def __init__(self, spec: AgencySpec, control: AgencyControl, source: StandInSource) -> None:
        self._control = control
        self._subgraph = Subgraph(source)
        wire = source.fill_wire(user=spec.user, secret=spec.secret)
        self._credential = HttpCredentialCheck(wire.get("credential", {}))

    def build_app(self) -> Starlette:
        """The application."""
        return Starlette(routes=[Route("/{path:path}", self._answer, methods=["POST"])])

    async def _answer(self, request: Request) -> Response:
        if self._control.mode is AgencyMode.REFUSE or not self._credential.is_allowed(request, []):
            self._control.count_call(REFUSED)
            return self._write(request, 401, {"errors": [{"message": "not allowed"}]})
        body = await request.body()
        try:
            given: Any = json.loads(body)
        except ValueError:
            given = None
        query = given.get("query") if isinstance(given, dict) else None
        await self._control.begin_call(f"POST {str(query).partition('(')[0].partition('{')[0].strip()}")
        if self._control.mode is AgencyMode.ERROR:
            return self._write(request, 500, {"errors": [{"message": "internal server error"}]})
        if self._control.mode is AgencyMode.RUBBISH:
            return HTMLResponse("<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>")
        return self._write(request, *self._subgraph.answer(given))

    @staticmethod
    def _write(request: Request, status: int, reply: Any) -> Response:  # noqa: ANN401 - any JSON
        """A client that does not know the newer media type gets HTTP 200 for everything but its credential."""
        if _MEDIA_TYPE in request.headers.get("accept", ""):
            return JSONResponse(reply, status_code=status, media_type=_MEDIA_TYPE)
        return JSONResponse(reply, status_code=200 if status == 400 else status)  # noqa: PLR2004 - a request error
