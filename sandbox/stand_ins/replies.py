"""A stand-in server of a service over HTTP: it answers the recorded requests of its samples, and HTTP 404 to others.

A sample file holds replies by request: `{"GET v1/markets/7?page=2": {...}}`. Parameters are in alphabetical order and
not encoded; the fields of a form follow a space, as in `POST v1/search nib=1234`. A reply is JSON, or the name of a
file beside it: `"file:floods.xml"`.
"""

from __future__ import annotations

import json
import mimetypes
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from sandbox.agency import AgencySpec, CannotStartError
from sandbox.control import REFUSED, AgencyControl, AgencyMode
from sandbox.stand_ins.sources import StandInSource, fill_references

_FILE: Final = "file:"
_METHODS: Final = ("GET", "POST")


@dataclass(frozen=True, slots=True)
class SampleReply:
    """The body of a reply."""

    body: bytes = field(repr=False)
    media_type: str = "application/json"


def load_replies(source: StandInSource) -> Mapping[str, SampleReply]:
    """The replies of all sample files, by request. Raises `CannotStartError`."""
    found: dict[str, SampleReply] = {}
    for name, replies in source.read_json():
        for request, body in replies.items():
            if request.partition(" ")[0] not in _METHODS:
                raise CannotStartError(f"{name}.json of {source.code}: '{request}' is not GET or POST and a path")
            found[request] = _load_reply(source, body)
    return found


def build_app(spec: AgencySpec, control: AgencyControl, source: StandInSource) -> Starlette:
    """The application of the agency's port. Raises `CannotStartError` for samples that cannot be read."""
    replies = load_replies(source)
    given: Mapping[str, str] = source.manifest["wire"].get("headers", {})
    wanted = {name: fill_references(value, spec.secret) for name, value in given.items()}

    async def answer(request: Request) -> Response:
        is_refused = control.mode is AgencyMode.REFUSE or not _has_headers(request, wanted)
        if is_refused:
            control.count_call(REFUSED)
            return JSONResponse({"message": "not allowed"}, status_code=401)
        line = await _write_request(request)
        await control.begin_call(line)
        if control.mode is AgencyMode.ERROR:
            return JSONResponse({"message": "internal server error"}, status_code=500)
        if control.mode is AgencyMode.RUBBISH:
            return HTMLResponse("<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>")
        reply = replies.get(line)
        if reply is None:
            return JSONResponse({"message": "not found"}, status_code=404)
        return Response(reply.body, media_type=reply.media_type)

    return Starlette(routes=[Route("/{path:path}", answer, methods=list(_METHODS))])


def _load_reply(source: StandInSource, body: Any) -> SampleReply:  # noqa: ANN401 - any JSON
    if not isinstance(body, str) or not body.startswith(_FILE):
        return SampleReply(json.dumps(body, ensure_ascii=False).encode())
    path = source.samples / body.removeprefix(_FILE)
    if path not in source.list_files():
        raise CannotStartError(f"{path} is missing; a reply of {source.code} names it.")
    return SampleReply(path.read_bytes(), mimetypes.guess_type(path.name)[0] or "application/octet-stream")


def _has_headers(request: Request, wanted: Mapping[str, str]) -> bool:
    return all(
        secrets.compare_digest(request.headers.get(name, "").encode(), value.encode()) for name, value in wanted.items()
    )


async def _write_request(request: Request) -> str:
    """A request as samples name it."""
    query = _join(parse_qsl(request.url.query, keep_blank_values=True))
    form = _join(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
    path = f"{request.method} {request.url.path.lstrip('/')}"
    return f"{path}{f'?{query}' if query else ''}{f' {form}' if form else ''}"


def _join(pairs: Iterable[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))
