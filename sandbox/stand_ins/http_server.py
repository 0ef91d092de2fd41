"""A stand-in server of a service over HTTP: it answers the requests of its samples, and HTTP 404 to others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from sandbox.agency import AgencySpec
from sandbox.control import REFUSED, AgencyControl, AgencyMode
from sandbox.stand_ins.datastore import DatastoreReplies
from sandbox.stand_ins.fhir import FhirReplies
from sandbox.stand_ins.georeport import GeoReportReplies
from sandbox.stand_ins.http_credential import HttpCredentialCheck, Pairs, parse_pairs
from sandbox.stand_ins.replies import METHODS, SampleReplies
from sandbox.stand_ins.sealing import seal_body
from sandbox.stand_ins.signatures import UNAUTHORIZED, make_private_key
from sandbox.stand_ins.sources import StandInSource

_REPLIES: Final[Mapping[str, type[DatastoreReplies | FhirReplies | GeoReportReplies]]] = {
    "ckan": DatastoreReplies,
    "fhir": FhirReplies,
    "open311": GeoReportReplies,
}


class StandInService:
    """The service on the agency's port. Raises `CannotStartError` for samples that cannot be served."""

    def __init__(self, spec: AgencySpec, control: AgencyControl, source: StandInSource) -> None:
        self._control = control
        self._replies = _REPLIES.get(source.driver, SampleReplies)(source)
        if "private_key" in str(source.manifest["wire"]):
            make_private_key(spec.state)
        wire = source.fill_wire(user=spec.user, secret=spec.secret, state=str(spec.state))
        self._sealed: Mapping[str, Any] | None = wire.get("sealed")
        self._credential = HttpCredentialCheck(wire.get("credential", {}))

    def build_app(self) -> Starlette:
        """The application."""
        return Starlette(routes=[Route("/{path:path}", self._answer, methods=list(METHODS))])

    async def _answer(self, request: Request) -> Response:
        body = await request.body()
        query, form = parse_pairs(request.url.query), _parse_form(request, body)
        if self._credential.is_token_request(request):
            return self._credential.issue_token(request, dict(form), body)
        value = None if form or not body else _parse_json(body)
        members = value if isinstance(value, dict) else {}
        if status := self._find_refusal(request, form, body, members):
            self._control.count_call(REFUSED)
            return self._reply(request, f"{request.method} refused", JSONResponse({"message": "not allowed"}, status))
        for name in self._credential.body:
            members.pop(name, None)
        line = self._write_line(request, query, form, value)
        await self._control.begin_call(line)
        if self._control.mode is AgencyMode.ERROR:
            return JSONResponse({"message": "internal server error"}, status_code=500)
        if self._control.mode is AgencyMode.RUBBISH:
            return HTMLResponse("<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>")
        return self._reply(request, line, JSONResponse({"message": "not found"}, status_code=404))

    def _reply(self, request: Request, line: str, otherwise: Response) -> Response:
        reply = self._replies.find(line)
        if reply is None:
            return otherwise
        return Response(self._seal(request, reply.body), status_code=reply.status, media_type=reply.media_type)

    def _find_refusal(self, request: Request, form: Pairs, body: bytes, members: Mapping[str, Any]) -> int | None:
        """The HTTP status of a refusal, if the hub does not prove itself."""
        if self._control.mode is AgencyMode.REFUSE or not self._credential.is_allowed(request, form, members):
            return UNAUTHORIZED
        signature = self._credential.signature
        return None if signature is None else signature.find_refusal(request, body)

    def _seal(self, request: Request, body: bytes) -> bytes:
        signature = self._credential.signature
        if self._sealed is None or signature is None:
            return body
        return seal_body(body, self._sealed, signature.read_parts(request))

    def _write_line(self, request: Request, query: Pairs, form: Pairs, value: object) -> str:
        """A request as samples name it, without the credential. `value` is that of a body that is no form."""
        query_text = _join(query, self._credential.query)
        sent = _join(form, self._credential.form)
        if value is not None:
            sent = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
        path = f"{request.method} {request.url.path.lstrip('/')}"
        return f"{path}{f'?{query_text}' if query_text else ''}{f' {sent}' if sent else ''}"


def _parse_form(request: Request, body: bytes) -> Pairs:
    is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return parse_pairs(body.decode("utf-8", "replace")) if is_form else []


def _join(pairs: Iterable[tuple[str, str]], besides: Mapping[str, Any]) -> str:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        if name not in besides:
            values.setdefault(name, []).append(value)
    return "&".join(f"{name}={','.join(each)}" for name, each in sorted(values.items()))


def _parse_json(body: bytes) -> object:
    """The value of a JSON body; the text of any other."""
    try:
        value: object = json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
    return value
