"""More keys than an agency takes in one call: several calls, of which one that fails costs its own keys only."""

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
    """The answers to all keys, asked at most `max_batch_size` at a time (None: all in one call).

    A few calls go side by side. `ask` answers some keys, or raises an `AgencyFailure` for all of them. Where one call
    does, it is raised as it is.
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
