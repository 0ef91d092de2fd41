"""The limit of open connections: which requests are served over surplus connections.

A connection that opens at the limit is a surplus connection, for which a reserve exists. Only monitoring requests and
requests of the emergency lane are served over it; others are refused with a JSON error. Beyond the reserve, requests
are refused before the application sees them. A surplus connection closes after the response, or becomes an ordinary
one if others closed before its request.
"""

from __future__ import annotations

from itertools import count
from typing import Final, Protocol, runtime_checkable

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from web.http_errors import HttpError, HttpErrorCode, build_error_body

_EXTENSION: Final = "simpul.surplus_connection"
_RETRY_SPREAD_SECONDS: Final = 5
_refusal_counter = count()


@runtime_checkable
class RefusedConnectionCounter(Protocol):
    """An application that counts requests which the server refuses before it."""

    def count_refused_connection(self) -> None:
        """Count one refused request."""


def get_reserve(max_connections: int) -> int:
    """The number of surplus connections that may be open beyond the limit."""
    return max(max_connections // 10, 1)


def mark_surplus(cycle: RequestResponseCycle) -> None:
    """Mark the request as one over a surplus connection, which closes after the response."""
    cycle.keep_alive = False
    extensions: dict[str, object] = cycle.scope.setdefault("extensions", {})  # type: ignore[assignment]  # extensions hold values of any type
    extensions[_EXTENSION] = True


def is_surplus(scope: Scope) -> bool:
    """Whether the request came over a surplus connection."""
    extensions = scope.get("extensions")
    return extensions is not None and _EXTENSION in extensions


def build_too_many_response(max_connections: int) -> tuple[bytes, bytes]:
    """Header lines, each with its line end, and body of the refusal beyond the reserve."""
    seconds = 1 + next(_refusal_counter) % _RETRY_SPREAD_SECONDS
    refusal = HttpError(
        HttpErrorCode.OVERLOADED,
        f"More than {max_connections} connections to the hub are open. "
        f"Close unused connections, and try again in {seconds} s.",
    )
    return b"content-type: application/json; charset=utf-8\r\nretry-after: %d\r\n" % seconds, build_error_body(refusal)
