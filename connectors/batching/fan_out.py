"""Concurrent calls to an agency that answers one key per call, up to a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import TypeVar

from records.calls.answers import Answers
from records.calls.failures import AgencyFailure

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


async def fan_out(keys: Sequence[K], ask_one: Callable[[K], Awaitable[V | None]], *, limit: int) -> Answers[K, V]:
    """Make one call for each key, at most `limit` concurrently. Returns the answers in the order of the keys.

    `ask_one` returns None for a key that the agency does not know; the key is then absent. An `AgencyFailure` is the
    answer of its key only. Any other exception is a bug: it cancels the running calls and is raised. Cancelling the
    fan-out cancels all running calls.
    """
    if limit < 1:
        raise ValueError(f"fan_out: limit is {limit}. Allow at least 1 call at a time.")
    if len(keys) == 1:
        # One key needs no task: most calls have one, and nothing else waits for its answer.
        return await _ask_single(keys[0], ask_one)
    answers: dict[K, V | AgencyFailure | None] = {}
    waiting = iter(keys)

    async def work() -> None:
        # Workers share one iterator, so a slow key delays only its own worker.
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
        # A call was cancelled from inside. Without an answer, its key would look unknown to the agency.
        raise asyncio.CancelledError
    return {key: answer for key in keys if (answer := answers[key]) is not None}


async def _ask_single(key: K, ask_one: Callable[[K], Awaitable[V | None]]) -> Answers[K, V]:
    answer: V | AgencyFailure | None
    try:
        answer = await ask_one(key)
    except AgencyFailure as failure:
        answer = failure
    return {} if answer is None else {key: answer}
