"""Work that is done only as long as somebody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

T = TypeVar("T")

_FAREWELL = 1.0
"""Seconds that cancelled work may take to clean up before it is left to itself."""


class ClientGone(Exception):  # noqa: N818 - an event, not a fault
    """The client closed the connection; the work was cancelled."""


class Overdue(Exception):  # noqa: N818 - an event, not a fault
    """The work did not end in time; it was cancelled."""


async def attended(work: Coroutine[Any, Any, T], receive: Receive, *, timeout: float) -> T:  # noqa: ASYNC109 - ends in a named event and watches the client as well
    """The result of the work, unless the client goes away first or the time runs out.

    Args:
        work: What is done.
        receive: The ASGI channel of a request whose body has been read: all that can still come is `http.disconnect`.
        timeout: Seconds.

    Raises:
        ClientGone: The client went away.
        Overdue: The time ran out.

    """
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait({working, watching}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientGone if watching.done() else Overdue
    finally:
        watching.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait({working}, timeout=_FAREWELL)


async def _disconnected(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
