"""Splits keys over several calls if an agency limits the keys of a call; a failed call affects only its own keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Final, TypeVar

from connectors.batching.fan_out import fan_out
from records.calls.answers import Answers
from records.calls.failures import AgencyFailure

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_MAX_CONCURRENCY: Final = 4


async def ask_in_chunks(
    keys: Sequence[K], ask: Callable[[Sequence[K]], Awaitable[Answers[K, V]]], *, max_batch_size: int | None
) -> Answers[K, V]:
    """Ask for all keys, at most `max_batch_size` in one call (None: all in one call).

    A few calls run concurrently. `ask` answers some keys, or raises an `AgencyFailure` for all of them. If there is
    only one call, its failure is raised.
    """
    if max_batch_size is None or len(keys) <= max_batch_size:
        return await ask(keys)
    chunks = [tuple(keys[start : start + max_batch_size]) for start in range(0, len(keys), max_batch_size)]
    found = await fan_out(chunks, ask, limit=_MAX_CONCURRENCY)
    answers: dict[K, V | AgencyFailure] = {}
    for chunk in chunks:
        answer = found[chunk]
        answers |= dict.fromkeys(chunk, answer) if isinstance(answer, AgencyFailure) else answer
    return answers
