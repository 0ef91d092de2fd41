"""Many keys asked of an agency that answers one key a call: side by side, within a bound."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import TypeVar

from records.calls.answers import Answers
from records.calls.failures import AgencyFailure

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


async def fan_out(keys: Sequence[K], ask_one: Callable[[K], Awaitable[V | None]], *, limit: int) -> Answers[K, V]:
    """Ask once a key, at most `limit` calls at a time, and give the answers in the order of the keys.

    `ask_one` gives None for a key that the agency does not know: the key is then absent. An `AgencyFailure` that it
    raises is the answer of that key alone. Anything else it raises is a fault of ours: the calls still under way are
    cancelled and the fault goes up as it is. Cancelling the fan-out cancels every call under way.
    """
    if limit < 1:
        raise ValueError(f"fan_out: limit is {limit}. Allow at least 1 call at a time.")
    if len(keys) == 1:
        # No separate task: most calls have one key, and nothing else waits for its answer.
        return await _ask_single(keys[0], ask_one)
    answers: dict[K, V | AgencyFailure | None] = {}
    waiting = iter(keys)

    async def work() -> None:
        # Workers share one iterator, so a slow key holds up its own worker only.
        for key in waiting:
            try:
                answers[key] = await ask_one(key)
            except AgencyFailure as failure:
                answers[key] = failure

    try:
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(limit, len(keys))):
                workers.create_task(work())
    except BaseExceptionGroup as faults:
        raise faults.exceptions[0] from None
    if any(key not in answers for key in keys):
        # A call was cancelled from within. Without an answer its key would pass for unknown to the agency.
        raise asyncio.CancelledError
    return {key: answer for key in keys if (answer := answers[key]) is not None}


async def _ask_single(key: K, ask_one: Callable[[K], Awaitable[V | None]]) -> Answers[K, V]:
    answer: V | AgencyFailure | None
    try:
        answer = await ask_one(key)
    except AgencyFailure as failure:
        answer = failure
    return {} if answer is None else {key: answer}
