"""More keys than an agency takes in one call: several calls, of which one that fails costs its own keys only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Final, TypeVar

from connectors.fan_out import fan_out
from records.answers import Answers
from records.failures import AgencyFailure

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_SIDE_BY_SIDE: Final = 4


async def in_chunks(
    keys: Sequence[K], ask: Callable[[Sequence[K]], Awaitable[Answers[K, V]]], *, most: int | None
) -> Answers[K, V]:
    """The answers to all keys, asked at most `most` at a time (None: all in one call), a few calls side by side.

    `ask` answers some keys, or raises an `AgencyFailure` for all of them. Where one call does, it is raised as it is.
    """
    if most is None or len(keys) <= most:
        return await ask(keys)
    chunks = [tuple(keys[start : start + most]) for start in range(0, len(keys), most)]
    found = await fan_out(chunks, ask, limit=_SIDE_BY_SIDE)
    answers: dict[K, V | AgencyFailure] = {}
    for chunk in chunks:
        answer = found[chunk]
        answers |= dict.fromkeys(chunk, answer) if isinstance(answer, AgencyFailure) else answer
    return answers
