"""Hedged requests: a second request if the first takes longer than nearly all others; the first answer wins."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def run_hedged(
    attempt: Callable[[], Coroutine[Any, Any, T]], after: float, may_ask_again: Callable[[], Awaitable[bool]]
) -> tuple[T, bool]:
    """Run an attempt, and a second one if it takes longer than `after` seconds; return the first answer.

    `may_ask_again` permits the second. Returns the answer, and whether it is the second's. A failure is ignored while
    the other attempt runs; if both fail, the first failure is raised. The slower attempt is cancelled; both are if the
    caller is cancelled.
    """
    first = asyncio.ensure_future(attempt())
    asked = {first}
    try:
        await asyncio.wait(asked, timeout=after)
        if first.done() or not await may_ask_again():
            return await first, False
        second = asyncio.ensure_future(attempt())
        asked.add(second)
        pending = {first, second}
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for each in (first, second):
                if each in done and not each.cancelled() and each.exception() is None:
                    return each.result(), each is second
        return await first, False
    finally:
        for each in asked:
            if not each.done():
                each.cancel()
        # Retrieved, so that asyncio does not report the ignored failure.
        await asyncio.gather(*asked, return_exceptions=True)
