"""Refusals and Starlette's own errors as JSON answers."""

from __future__ import annotations

from http import HTTPStatus

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from web.media_types import MediaType
from web.refusals import Code, Refusal, refusal_body


def refused(refusal: Refusal, media_type: MediaType = MediaType.JSON) -> Response:
    """The answer to a refused request, which nobody may keep."""
    return Response(
        refusal_body(refusal),
        refusal.code.status,
        {"Content-Type": media_type.content_type, "Cache-Control": "no-store", **refusal.headers},
    )


async def on_refusal(_request: Request, error: Exception) -> Response:
    """Starlette's handler for `Refusal`."""
    if not isinstance(error, Refusal):
        raise error
    return refused(error)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Starlette's handler for its own refusals: no such path, no such method."""
    if not isinstance(error, HTTPException):
        raise error
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return refused(Refusal(Code.NOT_FOUND, "There is nothing at this path. The graph is at /graphql."))
        case HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = (error.headers or {}).get("Allow", "")
            message = f"{request.method} is not served at this path. Use {allowed}."
            return refused(Refusal(Code.METHOD_NOT_ALLOWED, message, headers={"Allow": allowed}))
        case status:
            body = orjson.dumps({"errors": [{"message": HTTPStatus(status).phrase}]})
            headers = {"Content-Type": MediaType.JSON.content_type, "Cache-Control": "no-store"}
            return Response(body, status, headers | dict(error.headers or {}))
