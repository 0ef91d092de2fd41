"""The hub's HTTP server as a part of a larger process: a socket taken early, no signal handling of its own."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Callable, Iterator

import uvicorn

from cli.failure import Failure
from sandbox.state_folder import LOOPBACK


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

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started:
            self._greet()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until `end`. Raises Failure when the application's own start fails."""
        try:
            await super().serve(sockets)
        except SystemExit:  # uvicorn's way to say that the application's lifespan failed, after logging why
            raise Failure("the hub could not start: its log says why") from None

    def end(self) -> None:
        """Let answers in flight finish; the second time end at once."""
        self.force_exit = self.should_exit
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the command, which has more than this server to end."""
        yield
