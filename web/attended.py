"""Work that is done only as long as somebody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

T = TypeVar("T")

_UNWATCHED = 0.05
"""Seconds before a client is watched, at least: most work has ended by then, and a watch costs more than some of it."""


class ClientGone(Exception):  # noqa: N818 - an event, not a fault
    """The client closed the connection; the work was cancelled."""


class Overdue(Exception):  # noqa: N818 - an event, not a fault
    """The work did not end in time; it was cancelled."""


class Attending:
    """Watches who waits for which work, for all requests of one event loop.

    One clock goes for all of them, and only while there is any: a timer, a task and a future for each would cost more
    than the answer to a small request.
    """

    def __init__(self) -> None:
        """Nobody waits."""
        self._waiting: dict[_Watch, None] = {}
        self._clock: asyncio.TimerHandle | None = None

    async def of(self, work: Coroutine[Any, Any, T], receive: Receive, *, timeout: float) -> T:  # noqa: ASYNC109 - ends in a named event and watches the client as well
        """The result of the work, unless the client goes away first or the time runs out; the work is cancelled then.

        Args:
            work: What is done, in the task of the caller. It must end soon when it is cancelled.
            receive: The ASGI channel of a request whose body has been read: all that can still come is
                `http.disconnect`.
            timeout: Seconds.

        Raises:
            ClientGone: The client went away.
            Overdue: The time ran out.

        """
        loop = asyncio.get_running_loop()
        watch = _Watch(asyncio.current_task(loop), receive, loop.time() + timeout)
        self._waiting[watch] = None
        if self._clock is None or timeout < _UNWATCHED:
            self._wind(min(_UNWATCHED, timeout))
        try:
            return await work
        except asyncio.CancelledError:
            if watch.ending is None or watch.others_cancel():
                raise
            raise watch.ending from None
        finally:
            del self._waiting[watch]
            watch.stop()

    def _wind(self, seconds: float) -> None:
        if self._clock is not None:
            self._clock.cancel()
        self._clock = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        """Begin to watch for those who have waited since the last look; stop when nobody waits."""
        self._clock = None
        now = asyncio.get_running_loop().time()
        for watch in self._waiting:
            watch.look(now)
        if self._waiting:
            self._wind(_UNWATCHED)


class _Watch:
    """Watches one client, and the end of its time."""

    __slots__ = ("_due", "_receive", "_seen", "_taken_back", "_task", "_timer", "_watching", "ending")

    def __init__(self, task: asyncio.Task[Any] | None, receive: Receive, due: float) -> None:
        self._task = task
        self._receive = receive
        self._due = due
        """On the loop's clock."""
        self._seen = False
        self._watching: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._taken_back = False
        self.ending: Exception | None = None
        """Why the work was cancelled; none while it was not."""

    def look(self, now: float) -> None:
        """Begin to watch, at the second look or where the time is short."""
        if self._watching is not None:
            return
        if not self._seen and now + _UNWATCHED < self._due:
            self._seen = True
            return
        loop = asyncio.get_running_loop()
        self._watching = loop.create_task(self._disconnected())
        self._timer = loop.call_at(self._due, self._end, Overdue())

    def stop(self) -> None:
        """Watch no longer."""
        if self.ending is not None:
            self.others_cancel()
        if self._watching is not None:
            self._watching.cancel()
        if self._timer is not None:
            self._timer.cancel()

    def others_cancel(self) -> bool:
        """Whether somebody else wants the task to end, too. The watch's own wish is taken back."""
        if self._task is None:
            return True
        if not self._taken_back:
            self._taken_back = True
            self._task.uncancel()
        return self._task.cancelling() > 0

    async def _disconnected(self) -> None:
        """Tell when the client has gone."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._end(ClientGone())

    def _end(self, ending: Exception) -> None:
        if self.ending is None and self._task is not None:
            self.ending = ending
            self._task.cancel()
