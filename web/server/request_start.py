"""How the requests of a connection start: as tasks, or without one if the application can answer them so."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from uvicorn._types import HTTPScope

from web.server.graceful_connection import GracefulHttpProtocol
from web.server.known_heads import KnownHead, KnownHeads
from web.server.single_write_response import EXTENSION, RequestCycle, TasklessAnswers


class StartingHttpProtocol(GracefulHttpProtocol):
    """uvicorn's HTTP/1.1 protocol, which asks the application how to start a whole request."""

    known_heads: ClassVar[KnownHeads]
    repeated_requests: ClassVar[TasklessAnswers]

    cycle: RequestCycle

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell a request that waits without a task."""
        super().connection_lost(exc)
        running = self._running_cycle
        if isinstance(running, RequestCycle) and running.on_disconnect is not None and not running.response_complete:
            running.disconnected = True
            running.on_disconnect()

    def begin_known(self, data: bytes) -> RequestCycle | None:
        """The request that is all of `data`, without the parser; None if its head is not known.

        The checks of its head passed before. A connection mostly sends one head: to compare it takes a tenth of the
        time of a search. Then the object of the former request serves again, if it is as new.
        """
        cycle: RequestCycle | None = self.cycle  # None at first, which uvicorn's annotation omits
        head = None if cycle is None else cycle.known_head
        if cycle is None or head is None or len(data) != head.size or not data.startswith(head.data):
            head = self.known_heads.find(data)
            return None if head is None else self._build_cycle(head)
        if not cycle.is_taskless or not cycle.keep_alive or cycle.chunked_encoding is not None:
            return self._build_cycle(head)
        cycle.default_headers = self.server_state.default_headers
        cycle.response_started = cycle.response_complete = False
        return cycle

    def start(self, cycle: RequestCycle, *, body: bytes | None = None, first_read: bytes | None = None) -> None:
        """Start a request: without a task, if the application can answer it so.

        A task starts in the next turn of the event loop. To run it within the read (an eager task) costs a tenth more
        with 64 connections, because parser and application then take turns; it pays only if others can join it.

        Args:
            cycle: The request.
            body: Its whole body, if it did not come through the parser.
            first_read: The bytes that began with this request, if its head is not known yet.

        """
        is_answered, app = False, self.app
        if not cycle.more_body and cycle.keep_alive:
            cycle.is_taskless = True  # the answer may be complete when this call returns
            whole = bytes(cycle.body) if body is None else body
            try:
                is_answered = self.repeated_requests.answer(cycle.scope, whole, cycle)  # type: ignore[arg-type]  # ASGI's scope
            except Exception as fault:  # noqa: BLE001 - it ends like a fault of a task: with a 500
                app = partial(_raise, fault)
        if first_read is not None and cycle.knowledge is not None:
            self.known_heads.remember(first_read, cycle.scope, cycle.knowledge)
        if not is_answered:
            cycle.is_taskless = False
            if body is not None:
                cycle.body[:] = body
            self._start_asgi_task(cycle, app)

    def _build_cycle(self, head: KnownHead) -> RequestCycle:
        """The request with this head, which has arrived with its body."""
        self.expect_100_continue = False
        scope: HTTPScope = {
            **head.scope,  # type: ignore[typeddict-item]  # the rest is that of the first request
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme or "http",
            "state": self.app_state.copy(),
        }
        cycle = RequestCycle(self, scope, keep_alive=True)
        scope["extensions"] = {EXTENSION: cycle}  # type: ignore[dict-item]  # extensions hold values of any type
        cycle.known_head, cycle.knowledge, cycle.more_body = head, head.knowledge, False
        self.cycle = self._running_cycle = cycle
        return cycle


async def _raise(fault: Exception, *_: object) -> None:
    """An application that fails."""
    raise fault
