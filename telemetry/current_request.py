"""The request that the current task works on, for log records of code that does not know it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

from records.calls.call import Call


class CurrentRequest:
    """One request, until it ends.

    Work that started in the request and outlives it, such as a connection, keeps this object and so sees the end.
    """

    __slots__ = ("call",)

    def __init__(self, call: Call) -> None:
        self.call: Call | None = call

    def end(self) -> None:
        """Marks the end: later log records do not belong to the request."""
        self.call = None


CURRENT_REQUEST: Final[ContextVar[CurrentRequest | None]] = ContextVar("request", default=None)


def enter_request(call: Call) -> CurrentRequest:
    """Sets the request for this task, and for the tasks it starts."""
    request = CurrentRequest(call)
    CURRENT_REQUEST.set(request)
    return request


def get_current_call() -> Call | None:
    """Returns the call of the current request, if any."""
    request = CURRENT_REQUEST.get()
    return None if request is None else request.call
