"""A second request after the first has taken longer than nearly all others; the first answer wins."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def run_hedged(
    attempt: Callable[[], Coroutine[Any, Any, T]], after: float, may_ask_again: Callable[[], Awaitable[bool]]
) -> tuple[T, bool]:
    """The first answer of an attempt and, where it takes longer than `after` seconds, of a second one.

    `may_ask_again` is asked before the second. Gives the answer, and whether it is the second's. One that fails costs
    nothing while the other is under way; where both fail the first failure is raised. The loser is cancelled, and so
    are both where the caller goes away.
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
        # Looked at, so that nobody reports a failure that was of no account as never retrieved.
        await asyncio.gather(*asked, return_exceptions=True)
