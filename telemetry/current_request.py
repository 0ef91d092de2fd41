"""Which request is being worked on, for what is logged meanwhile by whoever does not know it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

from records.calls.call import Call


class CurrentRequest:
    """One request, until it ends.

    What was begun in it and goes on, such as a connection, keeps this object, so it says when it is over.
    """

    __slots__ = ("call",)

    def __init__(self, call: Call) -> None:
        """It has begun."""
        self.call: Call | None = call

    def end(self) -> None:
        """It has ended: what is logged from now on is not about it."""
        self.call = None


CURRENT_REQUEST: Final[ContextVar[CurrentRequest | None]] = ContextVar("request", default=None)


def enter_request(call: Call) -> CurrentRequest:
    """Say in this task, and in those it begins, that the request is under way."""
    request = CurrentRequest(call)
    CURRENT_REQUEST.set(request)
    return request


def get_current_call() -> Call | None:
    """The request that is being worked on here, if any."""
    request = CURRENT_REQUEST.get()
    return None if request is None else request.call
