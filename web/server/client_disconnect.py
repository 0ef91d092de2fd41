"""Work that is done only as long as somebody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

T = TypeVar("T")

_WATCH_DELAY = 0.05
"""Seconds before a client is watched, at least: most work has ended by then, and a watch costs more than some of it."""


class ClientDisconnected(Exception):  # noqa: N818 - an event, not a fault
    """The client closed the connection; the work was cancelled."""


class WorkTimedOut(Exception):  # noqa: N818 - an event, not a fault
    """The work did not end in time; it was cancelled."""


class DisconnectWatcher:
    """Watches who waits for which work, for all requests of one event loop.

    One clock goes for all of them, and only while there is any: a timer, a task and a future for each would cost more
    than the answer to a small request.
    """

    def __init__(self) -> None:
        """Nobody waits."""
        self._watches: dict[_ClientWatch, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, work: Coroutine[Any, Any, T], receive: Receive, *, timeout: float) -> T:
        """The result of the work, unless the client goes away first or the time runs out; the work is cancelled then.

        Args:
            work: What is done, in the task of the caller. It must end soon when it is cancelled.
            receive: The ASGI channel of a request whose body has been read: all that can still come is
                `http.disconnect`.
            timeout: Seconds.

        Raises:
            ClientDisconnected: The client went away.
            Overdue: The time ran out.

        """
        loop = asyncio.get_running_loop()
        watch = _ClientWatch(asyncio.current_task(loop), receive, loop.time() + timeout)
        self._watches[watch] = None
        if self._timer is None or timeout < _WATCH_DELAY:
            self._schedule(min(_WATCH_DELAY, timeout))
        try:
            return await work
        except asyncio.CancelledError:
            if watch.end_reason is None or watch.is_cancelled_by_others():
                raise
            raise watch.end_reason from None
        finally:
            del self._watches[watch]
            watch.stop()

    def _schedule(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._check_all)

    def _check_all(self) -> None:
        """Begin to watch for those who have waited since the last look; stop when nobody waits."""
        self._timer = None
        now = asyncio.get_running_loop().time()
        for watch in self._watches:
            watch.check(now)
        if self._watches:
            self._schedule(_WATCH_DELAY)


class _ClientWatch:
    """Watches one client, and the end of its time."""

    __slots__ = (
        "_deadline",
        "_disconnect_task",
        "_is_uncancelled",
        "_receive",
        "_task",
        "_timer",
        "_was_checked",
        "end_reason",
    )

    def __init__(self, task: asyncio.Task[Any] | None, receive: Receive, deadline: float) -> None:
        self._task = task
        self._receive = receive
        self._deadline = deadline
        """On the loop's clock."""
        self._was_checked = False
        self._disconnect_task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_uncancelled = False
        self.end_reason: Exception | None = None
        """Why the work was cancelled; none while it was not."""

    def check(self, now: float) -> None:
        """Begin to watch, at the second look or where the time is short."""
        if self._disconnect_task is not None:
            return
        if not self._was_checked and now + _WATCH_DELAY < self._deadline:
            self._was_checked = True
            return
        loop = asyncio.get_running_loop()
        self._disconnect_task = loop.create_task(self._await_disconnect())
        self._timer = loop.call_at(self._deadline, self._end, WorkTimedOut())

    def stop(self) -> None:
        """Watch no longer."""
        if self.end_reason is not None:
            self.is_cancelled_by_others()
        if self._disconnect_task is not None:
            self._disconnect_task.cancel()
        if self._timer is not None:
            self._timer.cancel()

    def is_cancelled_by_others(self) -> bool:
        """Whether somebody else wants the task to end, too. The watch's own wish is taken back."""
        if self._task is None:
            return True
        if not self._is_uncancelled:
            self._is_uncancelled = True
            self._task.uncancel()
        return self._task.cancelling() > 0

    async def _await_disconnect(self) -> None:
        """Tell when the client has gone."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._end(ClientDisconnected())

    def _end(self, reason: Exception) -> None:
        if self.end_reason is None and self._task is not None:
            self.end_reason = reason
            self._task.cancel()
