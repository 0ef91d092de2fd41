"""Which request is being worked on, for what is logged meanwhile by whoever does not know it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

from records.call import Call


class UnderWay:
    """One request, until it ends.

    What was begun in it and goes on, such as a connection, keeps this object, so it says when it is over.
    """

    __slots__ = ("call",)

    def __init__(self, call: Call) -> None:
        """It has begun."""
        self.call: Call | None = call

    def over(self) -> None:
        """It has ended: what is logged from now on is not about it."""
        self.call = None


REQUEST: Final[ContextVar[UnderWay | None]] = ContextVar("request", default=None)


def began(call: Call) -> UnderWay:
    """Say in this task, and in those it begins, that the request is under way."""
    now = UnderWay(call)
    REQUEST.set(now)
    return now


def current() -> Call | None:
    """The request that is being worked on here, if any."""
    now = REQUEST.get()
    return None if now is None else now.call
