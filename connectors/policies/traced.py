"""What traces tell of an agency that is asked: each attempt by itself."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from itertools import count
from typing import Any, TypeVar

from records.call import Call
from records.spans import Noted, Span, code_of

T = TypeVar("T")


def traced(
    agency: str, attempt: Callable[[Call], Coroutine[Any, Any, T]], span: Span
) -> Callable[[Call], Coroutine[Any, Any, T]]:
    """The attempt, told of in a span of its own each time it is made: first ones, retries and hedges.

    The agency is asked within that span, so that it can go on with the trace.
    """
    numbers = count(1)

    async def told(call: Call) -> T:
        noted: Mapping[str, Noted] = {"simpul.agency": agency, "peer.service": agency, "simpul.attempt": next(numbers)}
        asking = span.begin(f"ask {agency}", noted, asks=True)
        try:
            answer = await attempt(call.within(call.deadline, asking))
        except BaseException as failure:
            asking.end(code_of(failure))
            raise
        asking.end()
        return answer

    return told
