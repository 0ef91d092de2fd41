"""The hub's HTTP server: says when it serves, and ends without anybody noticing.

At its end it takes no more connections and answers what runs, and what still comes over connections that are open: with
`Connection: close`, so that clients know. Only then are idle connections closed. Closing them at once, as uvicorn does,
meets requests that are on their way, and their clients see a reset.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import uvicorn

from web.accepting import Accepting, Alone, Occupancy
from web.header_limits import LimitedHttpProtocol

_LOOK_EVERY = 0.05
_TO_NOTICE = 1.0
"""Seconds for requests whose connection was cut to end by themselves."""
_TO_CLOSE = 10.0
"""Seconds for the application to close what it has open."""


class NotStarted(Exception):  # noqa: N818 - names the condition
    """The application could not start; the text is the reason in one line."""


@dataclass(frozen=True, slots=True)
class Farewell:
    """How a server ends. Times are seconds."""

    patience: float
    """How long what runs may take."""
    linger: float
    """How long idle connections are left open, since a request may be on its way over them."""
    last: bool = True
    """Whether nobody else accepts on the same socket, so that who waits there is let in first."""


class HttpServer(uvicorn.Server):
    """Serves until it is told to `end`; calls `ready` once connections are accepted. Leaves signals to others."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], occupancy: Occupancy | None = None) -> None:
        super().__init__(config)
        self._ready = ready
        self._occupancy = occupancy or Alone()
        self._accepting: Accepting | None = None
        self._farewell: Farewell | None = None
        self._startup = _Startup(self)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve on these sockets until `end`. Raises NotStarted when the application's own start fails."""
        log = logging.getLogger("uvicorn.error")
        log.addFilter(self._startup)
        try:
            await super().serve(sockets)
        except SystemExit:  # uvicorn's way to say that the application's lifespan failed
            raise NotStarted(self._startup.reason()) from None
        finally:
            log.removeFilter(self._startup)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, accept, then say so."""
        await super().startup([])
        self._accepting = Accepting(self._protocol, self._occupancy, lambda: len(self.server_state.connections))
        self._accepting.begin(list(sockets or ()))
        self._ready()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: also tell the others how many connections there are, and that this process lives."""
        if self._accepting is not None:
            self._accepting.tell()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Say farewell to every connection, then end the application."""
        farewell = self._farewell or Farewell(patience=0.0, linger=0.0)
        if self._accepting is not None:
            await self._accepting.end(rest=farewell.last)
        await self._finish()
        for each in self._open():
            each.transport.abort()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_TO_NOTICE)
        for task in self.server_state.tasks:
            task.cancel()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.lifespan.shutdown(), _TO_CLOSE)

    def end(self, farewell: Farewell) -> None:
        """Say farewell. Told so again where nobody takes over (`last`), end at once."""
        if self._farewell is None or not self._farewell.last:
            self._farewell = farewell
        elif farewell.last:
            self.force_exit = True
        self.should_exit = True

    async def _finish(self) -> None:
        """Until every connection is closed and every request answered, as far as there is patience for it."""
        clock = asyncio.get_running_loop().time
        began = clock()
        told: set[LimitedHttpProtocol] = set()
        while (self.server_state.connections or self.server_state.tasks) and not self.force_exit:
            farewell = self._farewell
            passed = clock() - began
            if farewell is None or passed >= farewell.patience:
                return
            for each in self._open() - told:
                each.say_farewell()
                told.add(each)
            if passed >= farewell.linger:
                for each in self._open():
                    each.close_idle()
            await asyncio.sleep(_LOOK_EVERY)

    def _open(self) -> set[LimitedHttpProtocol]:
        return cast("set[LimitedHttpProtocol]", set(self.server_state.connections))

    def _protocol(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn itself makes them
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever has more than this server to end."""
        yield


class _Startup:
    """Keeps uvicorn's reports of the start to itself: a failed one is told in one line instead of a traceback."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._errors: list[str] = []

    def __call__(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR and not self._server.started:
            self._errors.append(record.getMessage())
            if record.exc_info and record.exc_info[1]:
                self._errors.append(f"{type(record.exc_info[1]).__name__}: {record.exc_info[1]}")
            return False
        return record.levelno >= logging.WARNING

    def reason(self) -> str:
        """The last line of the first report, which is where Python tells the error."""
        lines = [line.strip() for line in (self._errors or ["no reason given"])[0].splitlines() if line.strip()]
        return lines[-1]
