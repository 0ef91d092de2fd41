"""HTTP errors: one exception with a code, whose message is safe to show to the caller."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import orjson

CLIENT_CLOSED_REQUEST = 499
"""The status in logs of a request whose client disconnected. The response has no reader."""


class HttpErrorCode(Enum):
    """Values of `extensions.code` from the HTTP side. `status` is the HTTP status of each."""

    BAD_REQUEST = "BAD_REQUEST"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    CSRF_PREVENTED = "CSRF_PREVENTED"
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    RATE_LIMITED = "RATE_LIMITED"
    MISDIRECTED_REQUEST = "MISDIRECTED_REQUEST"
    INTERNAL = "INTERNAL"
    CONSENT_NOT_AGREED = "CONSENT_NOT_AGREED"
    TOO_MANY_WAITING = "TOO_MANY_WAITING"
    CONSENTS_UNAVAILABLE = "CONSENTS_UNAVAILABLE"
    TOO_MANY_EXPORTS = "TOO_MANY_EXPORTS"
    EXPORT_UNAVAILABLE = "EXPORT_UNAVAILABLE"
    ISSUER_UNAVAILABLE = "ISSUER_UNAVAILABLE"
    HUB_UNAVAILABLE = "HUB_UNAVAILABLE"
    OVERLOADED = "OVERLOADED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code (RFC 9110, section 15)."""
        return _STATUS[self]


_STATUS: Mapping[HttpErrorCode, int] = {
    HttpErrorCode.BAD_REQUEST: 400,
    HttpErrorCode.UNAUTHENTICATED: 401,
    HttpErrorCode.FORBIDDEN: 403,
    HttpErrorCode.CSRF_PREVENTED: 403,
    HttpErrorCode.NOT_FOUND: 404,
    HttpErrorCode.METHOD_NOT_ALLOWED: 405,
    HttpErrorCode.NOT_ACCEPTABLE: 406,
    HttpErrorCode.REQUEST_TIMEOUT: 408,
    HttpErrorCode.PAYLOAD_TOO_LARGE: 413,
    HttpErrorCode.UNSUPPORTED_MEDIA_TYPE: 415,
    HttpErrorCode.MISDIRECTED_REQUEST: 421,
    HttpErrorCode.RATE_LIMITED: 429,
    HttpErrorCode.INTERNAL: 500,
    HttpErrorCode.CONSENT_NOT_AGREED: 403,
    HttpErrorCode.TOO_MANY_WAITING: 429,
    HttpErrorCode.CONSENTS_UNAVAILABLE: 503,
    HttpErrorCode.TOO_MANY_EXPORTS: 429,
    HttpErrorCode.EXPORT_UNAVAILABLE: 503,
    HttpErrorCode.ISSUER_UNAVAILABLE: 503,
    HttpErrorCode.HUB_UNAVAILABLE: 503,
    HttpErrorCode.OVERLOADED: 503,
    HttpErrorCode.DEADLINE_EXCEEDED: 504,
}


class HttpError(Exception):
    """A refused request. The message names the thing, the value and the fix, and may be shown to the caller."""

    def __init__(self, code: HttpErrorCode, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.headers: Mapping[str, str] = headers or {}
        """Headers of the response, such as `Allow` with a 405."""

    def __repr__(self) -> str:
        """Code and message."""
        return f"<HttpError {self.code.value}: {self.message}>"


def build_bad_request(message: str) -> HttpError:
    """A BAD_REQUEST with this message."""
    return HttpError(HttpErrorCode.BAD_REQUEST, message)


def build_error_body(refusal: HttpError) -> bytes:
    """The JSON of an error: a GraphQL response with a request error and no `data` (GraphQL specification, 7.1.2)."""
    return orjson.dumps({"errors": [{"message": refusal.message, "extensions": {"code": refusal.code.value}}]})
