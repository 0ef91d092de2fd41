"""HTTP errors, and Starlette's own errors, as JSON responses."""

from __future__ import annotations

from http import HTTPStatus

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from web.graphql.media_types import MediaType
from web.http_errors import HttpError, HttpErrorCode, build_error_body


def build_error_response(refusal: HttpError, media_type: MediaType = MediaType.JSON) -> Response:
    """The response to a refused request. No cache may store it."""
    return Response(
        build_error_body(refusal),
        refusal.code.status,
        {"Content-Type": media_type.content_type, "Cache-Control": "no-store", **refusal.headers},
    )


async def handle_http_error(_request: Request, error: Exception) -> Response:
    """Starlette's handler for `HttpError`."""
    if not isinstance(error, HttpError):
        raise error
    return build_error_response(error)


async def handle_starlette_error(request: Request, error: Exception) -> Response:
    """Starlette's handler for its own errors: unknown path, unknown method."""
    if not isinstance(error, HTTPException):
        raise error
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return build_error_response(
                HttpError(HttpErrorCode.NOT_FOUND, "There is nothing at this path. The graph is at /graphql.")
            )
        case HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = (error.headers or {}).get("Allow", "")
            message = f"{request.method} is not served at this path. Use {allowed}."
            return build_error_response(
                HttpError(HttpErrorCode.METHOD_NOT_ALLOWED, message, headers={"Allow": allowed})
            )
        case status:
            body = orjson.dumps({"errors": [{"message": HTTPStatus(status).phrase}]})
            headers = {"Content-Type": MediaType.JSON.content_type, "Cache-Control": "no-store"}
            return Response(body, status, headers | dict(error.headers or {}))
