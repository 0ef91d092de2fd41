"""A stand-in server of a service over HTTP: it answers the requests of its samples, and HTTP 404 to others.

It checks the headers, parameters, form fields and OAuth 2.0 tokens of `wire.credential`; signatures and client
certificates are not checked.
"""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from sandbox.agency import AgencySpec
from sandbox.control import REFUSED, AgencyControl, AgencyMode
from sandbox.stand_ins.datastore import DatastoreReplies
from sandbox.stand_ins.georeport import GeoReportReplies
from sandbox.stand_ins.replies import METHODS, SampleReplies
from sandbox.stand_ins.sources import StandInSource

_TOKEN_SECONDS: Final = 3600
_REPLIES: Final[Mapping[str, type[DatastoreReplies | GeoReportReplies]]] = {
    "ckan": DatastoreReplies,
    "open311": GeoReportReplies,
}
Pairs = list[tuple[str, str]]


class StandInService:
    """The service on the agency's port. Raises `CannotStartError` for samples that cannot be served."""

    def __init__(self, spec: AgencySpec, control: AgencyControl, source: StandInSource) -> None:
        self._control = control
        self._replies = _REPLIES.get(source.driver, SampleReplies)(source)
        self._credential = source.fill_credential(user=spec.user, secret=spec.secret)
        oauth2 = self._credential.get("oauth2", {})
        self._token_path = urlsplit(oauth2["token_url"]).path if oauth2 else None
        self._token = secrets.token_urlsafe(12)

    def build_app(self) -> Starlette:
        """The application."""
        return Starlette(routes=[Route("/{path:path}", self._answer, methods=list(METHODS))])

    async def _answer(self, request: Request) -> Response:
        body = await request.body()
        query, form = _parse(request.url.query), _parse_form(request, body)
        if request.url.path == self._token_path:
            return self._issue_token(request, dict(form))
        if self._control.mode is AgencyMode.REFUSE or not self._is_allowed(request, query, form):
            self._control.count_call(REFUSED)
            return JSONResponse({"message": "not allowed"}, status_code=401)
        line = self._write_line(request, query, form, body)
        await self._control.begin_call(line)
        if self._control.mode is AgencyMode.ERROR:
            return JSONResponse({"message": "internal server error"}, status_code=500)
        if self._control.mode is AgencyMode.RUBBISH:
            return HTMLResponse("<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>")
        reply = self._replies.find(line)
        if reply is None:
            return JSONResponse({"message": "not found"}, status_code=404)
        return Response(reply.body, status_code=reply.status, media_type=reply.media_type)

    def _issue_token(self, request: Request, form: Mapping[str, str]) -> Response:
        oauth2 = self._credential["oauth2"]
        login = f"{oauth2['client_id']}:{oauth2.get('client_secret', '')}"
        in_header = request.headers.get("authorization") == f"Basic {b64encode(login.encode()).decode()}"
        in_form = f"{form.get('client_id')}:{form.get('client_secret', '')}" == login
        if form.get("grant_type") != "client_credentials" or not (in_header or in_form):
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        return JSONResponse({"access_token": self._token, "token_type": "Bearer", "expires_in": _TOKEN_SECONDS})

    def _is_allowed(self, request: Request, query: Pairs, form: Pairs) -> bool:
        headers = dict(self._credential.get("headers", {}))
        if self._token_path is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        places = ((headers, request.headers), (self._credential.get("query", {}), dict(query)))
        return all(
            secrets.compare_digest(given.get(name, "").encode(), value.encode())
            for wanted, given in (*places, (self._credential.get("form", {}), dict(form)))
            for name, value in wanted.items()
        )

    def _write_line(self, request: Request, query: Pairs, form: Pairs, body: bytes) -> str:
        """A request as samples name it, without the credential."""
        query_text = _join(query, self._credential.get("query", {}))
        sent = _join(form, self._credential.get("form", {}))
        if not form and body:
            sent = _write_json(body)
        path = f"{request.method} {request.url.path.lstrip('/')}"
        return f"{path}{f'?{query_text}' if query_text else ''}{f' {sent}' if sent else ''}"


def _parse(text: str) -> Pairs:
    return parse_qsl(text, keep_blank_values=True)


def _parse_form(request: Request, body: bytes) -> Pairs:
    is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return _parse(body.decode("utf-8", "replace")) if is_form else []


def _join(pairs: Iterable[tuple[str, str]], besides: Mapping[str, Any]) -> str:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        if name not in besides:
            values.setdefault(name, []).append(value)
    return "&".join(f"{name}={','.join(each)}" for name, each in sorted(values.items()))


def _write_json(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), sort_keys=True, ensure_ascii=False)
    except ValueError:
        return body.decode("utf-8", "replace")
