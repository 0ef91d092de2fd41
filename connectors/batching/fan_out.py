"""Concurrent calls to an agency that limits the keys of one call: to one key, or to a batch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Final, TypeVar

from records.calls.answers import Answers
from records.calls.failures import AgencyFailure

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_MAX_CONCURRENT_CHUNKS: Final = 4


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
        answer: V | AgencyFailure | None
        try:
            answer = await ask_one(keys[0])
        except AgencyFailure as failure:
            answer = failure
        return {} if answer is None else {keys[0]: answer}
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


def ask_in_chunks(
    keys: Sequence[K], ask: Callable[[Sequence[K]], Awaitable[Answers[K, V]]], *, max_batch_size: int | None
) -> Awaitable[Answers[K, V]]:
    """Ask for all keys, at most `max_batch_size` in one call (None: all in one call).

    A few calls run concurrently. `ask` answers some keys, or raises an `AgencyFailure` for all of them. If there is
    only one call, its failure is raised.
    """
    # Not a coroutine itself: most calls are one, which needs no second one around it.
    if max_batch_size is None or len(keys) <= max_batch_size:
        return ask(keys)
    return _ask_each_chunk(keys, ask, max_batch_size)


async def _ask_each_chunk(
    keys: Sequence[K], ask: Callable[[Sequence[K]], Awaitable[Answers[K, V]]], max_batch_size: int
) -> Answers[K, V]:
    chunks = [tuple(keys[start : start + max_batch_size]) for start in range(0, len(keys), max_batch_size)]
    found = await fan_out(chunks, ask, limit=_MAX_CONCURRENT_CHUNKS)
    answers: dict[K, V | AgencyFailure] = {}
    for chunk in chunks:
        answer = found[chunk]
        answers |= dict.fromkeys(chunk, answer) if isinstance(answer, AgencyFailure) else answer
    return answers
