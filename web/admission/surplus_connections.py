"""What becomes of requests that come over more connections than the hub holds at a time.

A connection that was there before is served on. One that came when all places were taken is a surplus one: of its
requests only those of the emergency lane are served, and those by which the hub is watched, for whom some places more
are kept; the others are refused in the usual form. Beyond that, requests are refused before anything is made of them.
Either way the connection is closed after the answer.
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
    """An application that is told of requests which are refused before it sees them."""

    def count_refused_connection(self) -> None:
        """One was."""


def get_reserve(max_connections: int) -> int:
    """How many connections there may be beyond the most, for what is not refused first."""
    return max(max_connections // 10, 1)


def mark_surplus(cycle: RequestResponseCycle) -> None:
    """Tell the application that the request came over a surplus connection, which ends with the answer."""
    cycle.keep_alive = False
    extensions: dict[str, object] = cycle.scope.setdefault("extensions", {})  # type: ignore[assignment]  # the values of extensions are their own affair
    extensions[_EXTENSION] = True


def is_surplus(scope: Scope) -> bool:
    """Whether the request came over such a connection."""
    extensions = scope.get("extensions")
    return extensions is not None and _EXTENSION in extensions


def build_too_many_response(max_connections: int) -> tuple[bytes, bytes]:
    """Header lines, each with its end, and body of a refusal that no application has seen."""
    seconds = 1 + next(_refusal_counter) % _RETRY_SPREAD_SECONDS
    refusal = HttpError(
        HttpErrorCode.OVERLOADED,
        f"More than {max_connections} connections to the hub are open. "
        f"Close what you do not use, and try again in {seconds} s.",
    )
    return b"content-type: application/json; charset=utf-8\r\nretry-after: %d\r\n" % seconds, build_error_body(refusal)
