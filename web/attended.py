"""Work that is done only as long as somebody waits for it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

T = TypeVar("T")

_FAREWELL = 1.0
"""Seconds that cancelled work may take to clean up before it is left to itself."""
_UNWATCHED = 0.05
"""Seconds before the client is watched: most work has ended by then, and a watch costs more than some of it."""


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
    working = begun(work)
    if working.done():
        return working.result()
    watch = _Watch(working, receive, timeout)
    try:
        ending = await watch.ending
        if ending is None or working.done():
            return working.result()
        raise ending
    finally:
        watch.stop()
        if not working.done():
            working.cancel()
            await asyncio.wait({working}, timeout=_FAREWELL)


def begun(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """The work as a task, its first step taken at once where Python can (3.12): work that never waits is then done."""
    if sys.version_info >= (3, 12):
        return asyncio.Task(work, loop=asyncio.get_running_loop(), eager_start=True)
    return asyncio.get_running_loop().create_task(work)


class _Watch:
    """Waits for the first of three: the work's end, the client's leaving, the end of the time."""

    def __init__(self, working: asyncio.Task[Any], receive: Receive, timeout: float) -> None:
        self._loop = working.get_loop()
        self._receive = receive
        self._due = self._loop.time() + timeout
        self._watching: asyncio.Task[None] | None = None
        self.ending: asyncio.Future[Exception | None] = self._loop.create_future()
        """What ended the wait; none where the work itself did."""
        working.add_done_callback(self._work_ended)
        self._timer = self._loop.call_later(min(_UNWATCHED, timeout), self._begin)

    def stop(self) -> None:
        """Watch no longer."""
        self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()

    def _begin(self) -> None:
        self._watching = self._loop.create_task(self._disconnected())
        self._timer = self._loop.call_at(self._due, self._end, Overdue())

    async def _disconnected(self) -> None:
        """Tell when the client has gone."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._end(ClientGone())

    def _work_ended(self, _working: asyncio.Task[Any]) -> None:
        self._end(None)

    def _end(self, ending: Exception | None) -> None:
        if not self.ending.done():
            self.ending.set_result(ending)
