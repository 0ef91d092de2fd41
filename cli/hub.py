"""The hub's HTTP server as a part of a larger process: a socket taken early, no signal handling of its own."""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
from collections.abc import Callable, Iterator

import uvicorn

from cli.failure import Failure
from sandbox.state_folder import LOOPBACK
from web.serving import settle_memory


@contextlib.contextmanager
def reserved(port: int) -> Iterator[socket.socket]:
    """The port, bound but not listening: nobody else gets it and nobody waits on it. Raises Failure when taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError as problem:
            why = "is taken by another program" if problem.errno == errno.EADDRINUSE else f"cannot be used ({problem})"
            raise Failure(f"port {port} {why}: choose another one with PORT={port + 1}") from None
        yield listener


class Hub(uvicorn.Server):
    """Serves until `end`; calls `greet` once connections are accepted."""

    def __init__(self, config: uvicorn.Config, greet: Callable[[], None]) -> None:
        super().__init__(config)
        self._greet = greet
        self._startup = _Startup(self)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started:
            settle_memory()
            self._greet()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until `end`. Raises Failure when the application's own start fails."""
        log = logging.getLogger("uvicorn.error")
        log.addFilter(self._startup)
        try:
            await super().serve(sockets)
        except SystemExit:  # uvicorn's way to say that the application's lifespan failed
            raise Failure(f"the hub could not start: {self._startup.reason()}") from None
        finally:
            log.removeFilter(self._startup)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the connections, then the application, which uvicorn leaves to a traceback when told twice to stop."""
        await super().shutdown(sockets)
        if self.force_exit:
            await self.lifespan.shutdown()

    def end(self) -> None:
        """Let answers in flight finish; the second time end at once."""
        self.force_exit = self.should_exit
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the command, which has more than this server to end."""
        yield


class _Startup:
    """Keeps uvicorn's reports of the start to itself: a failed one is told in one line instead of a traceback."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._errors: list[str] = []

    def __call__(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR and not self._hub.started:
            self._errors.append(record.getMessage())
            if record.exc_info and record.exc_info[1]:
                self._errors.append(f"{type(record.exc_info[1]).__name__}: {record.exc_info[1]}")
            return False
        return record.levelno >= logging.WARNING

    def reason(self) -> str:
        """The last line of the first report, which is where Python tells the error."""
        lines = [line.strip() for line in (self._errors or ["no reason given"])[0].splitlines() if line.strip()]
        return lines[-1]
