"""Cancels the work for a request when its client disconnects or its time runs out."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

T = TypeVar("T")

_WATCH_DELAY = 0.05
"""Minimum seconds before a client is watched: most work ends earlier, and a watch can cost more than the work."""


class ClientDisconnected(Exception):  # noqa: N818 - an event, not a fault
    """The client closed the connection; the work was cancelled."""


class WorkTimedOut(Exception):  # noqa: N818 - an event, not a fault
    """The work did not finish in time; it was cancelled."""


class DisconnectWatcher:
    """Watches the clients of all requests of one event loop.

    All requests share one timer, which runs only while there are requests. A timer, a task and a future for each
    request would cost more than a small response.
    """

    def __init__(self) -> None:
        """Start without requests."""
        self._watches: dict[_ClientWatch, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, work: Coroutine[Any, Any, T], receive: Receive, *, timeout: float) -> T:
        """The result of the work; cancels the work if the client disconnects first, or at the timeout.

        Args:
            work: Runs in the task of the caller. It must end soon after its cancellation.
            receive: The ASGI channel of a request whose body was read: only `http.disconnect` can follow.
            timeout: Seconds.

        Raises:
            ClientDisconnected: The client disconnected.
            WorkTimedOut: The timeout was reached.

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
            if watch.is_watching:
                watch.stop()

    def _schedule(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._check_all)

    def _check_all(self) -> None:
        """Start watching the clients of older requests; stop the timer when there are no requests."""
        self._timer = None
        now = asyncio.get_running_loop().time()
        for watch in self._watches:
            watch.check(now)
        if self._watches:
            self._schedule(_WATCH_DELAY)


class _ClientWatch:
    """Watches one client and its deadline."""

    __slots__ = (
        "_deadline",
        "_disconnect_task",
        "_is_uncancelled",
        "_receive",
        "_task",
        "_timer",
        "_was_checked",
        "end_reason",
        "is_watching",
    )

    def __init__(self, task: asyncio.Task[Any] | None, receive: Receive, deadline: float) -> None:
        self._task = task
        self._receive = receive
        self._deadline = deadline
        """On the clock of the loop."""
        self._was_checked = False
        self._disconnect_task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_uncancelled = False
        self.is_watching = False
        """Whether there is something to stop."""
        self.end_reason: Exception | None = None
        """Why the work was cancelled; None before that."""

    def check(self, now: float) -> None:
        """Start watching at the second check, or earlier if the deadline is near."""
        if self.is_watching:
            return
        if not self._was_checked and now + _WATCH_DELAY < self._deadline:
            self._was_checked = True
            return
        self.is_watching = True
        loop = asyncio.get_running_loop()
        self._disconnect_task = loop.create_task(self._await_disconnect())
        self._timer = loop.call_at(self._deadline, self._end, WorkTimedOut())

    def stop(self) -> None:
        """Stop watching."""
        if self.end_reason is not None:
            self.is_cancelled_by_others()
        if self._disconnect_task is not None:
            self._disconnect_task.cancel()
        if self._timer is not None:
            self._timer.cancel()

    def is_cancelled_by_others(self) -> bool:
        """Whether the task was cancelled by other code too. Withdraws the cancellation of this watch."""
        if self._task is None:
            return True
        if not self._is_uncancelled:
            self._is_uncancelled = True
            self._task.uncancel()
        return self._task.cancelling() > 0

    async def _await_disconnect(self) -> None:
        """End the work when the client disconnects."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._end(ClientDisconnected())

    def _end(self, reason: Exception) -> None:
        if self.end_reason is None and self._task is not None:
            self.end_reason = reason
            self._task.cancel()
