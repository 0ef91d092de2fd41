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

from web.refusals import Code, Refusal, refusal_body

_EXTENSION: Final = "simpul.surplus_connection"
_SPREAD_SECONDS: Final = 5
_refused = count()


@runtime_checkable
class CountsTurnedAway(Protocol):
    """An application that is told of requests which are refused before it sees them."""

    def turned_away(self) -> None:
        """One was."""


def reserve(most: int) -> int:
    """How many connections there may be beyond the most, for what is not refused first."""
    return max(most // 10, 1)


def mark(cycle: RequestResponseCycle) -> None:
    """Tell the application that the request came over a surplus connection, which ends with the answer."""
    cycle.keep_alive = False
    extensions: dict[str, object] = cycle.scope.setdefault("extensions", {})  # type: ignore[assignment]  # the values of extensions are their own affair
    extensions[_EXTENSION] = True


def is_surplus(scope: Scope) -> bool:
    """Whether the request came over such a connection."""
    extensions = scope.get("extensions")
    return extensions is not None and _EXTENSION in extensions


def too_many(most: int) -> tuple[bytes, bytes]:
    """Header lines, each with its end, and body of a refusal that no application has seen."""
    seconds = 1 + next(_refused) % _SPREAD_SECONDS
    refusal = Refusal(
        Code.OVERLOADED,
        f"More than {most} connections to the hub are open. Close what you do not use, and try again in {seconds} s.",
    )
    return b"content-type: application/json; charset=utf-8\r\nretry-after: %d\r\n" % seconds, refusal_body(refusal)
