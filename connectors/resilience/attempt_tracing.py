"""Traces each attempt of a call to an agency."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from itertools import count
from typing import Any, TypeVar

from records.calls.call import Call
from records.calls.spans import AttributeValue, Span, get_failure_code

T = TypeVar("T")


def trace_attempts(
    agency: str, attempt: Callable[[Call], Coroutine[Any, Any, T]], span: Span
) -> Callable[[Call], Coroutine[Any, Any, T]]:
    """Wrap an attempt so that each execution has its own span: first attempts, retries and hedges.

    The call is made within that span, so that the agency can continue the trace.
    """
    numbers = count(1)

    async def told(call: Call) -> T:
        noted: Mapping[str, AttributeValue] = {
            "simpul.agency": agency,
            "peer.service": agency,
            "simpul.attempt": next(numbers),
        }
        asking = span.start_child(f"ask {agency}", noted, is_client=True)
        try:
            answer = await attempt(call.with_deadline(call.deadline, asking))
        except BaseException as failure:
            asking.end(get_failure_code(failure))
            raise
        asking.end()
        return answer

    return told
