"""The hub's HTTP server: reports when it serves, and shuts down without interrupting clients.

During shutdown it accepts no new connections. It answers running requests, and new ones on open connections, with
`Connection: close`, so that clients open a new connection. Idle connections are closed last. uvicorn closes them
immediately, and clients whose request is on its way see a reset.
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

from records.shared_wakes import compute_pause
from web.server.connection_acceptor import AcceptorPeers, ConnectionAcceptor, NoPeers
from web.server.header_limits import LimitedHttpProtocol

_TICK_SECONDS = 1.0
"""Seconds between two ticks; uvicorn's are a tenth, which was a quarter of the processor time of a hub at rest."""
_POLL_SECONDS = 0.05
_ABORT_GRACE = 1.0
"""Seconds until requests on aborted connections are cancelled."""
_LIFESPAN_TIMEOUT = 10.0
"""Seconds for the application to close its resources."""


class ApplicationStartError(Exception):
    """The application failed to start; the text is the reason in one line."""


@dataclass(frozen=True, slots=True)
class ShutdownPolicy:
    """How a server shuts down. Times are in seconds."""

    timeout: float
    """Maximum time for running requests."""
    linger: float
    """How long idle connections stay open, because a request may be on its way."""
    is_final: bool = True
    """Whether no other process accepts on the same socket; then pending connections are accepted first."""


class HttpServer(uvicorn.Server):
    """Serves until `shut_down`; calls `on_ready` when it accepts connections. The caller handles signals."""

    def __init__(
        self, config: uvicorn.Config, on_ready: Callable[[], None], peers: AcceptorPeers | None = None
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._peers = peers or NoPeers()
        self._acceptor: ConnectionAcceptor | None = None
        self._shutdown_policy: ShutdownPolicy | None = None
        self._startup_filter = _StartupLogFilter(self)
        self._pause: asyncio.Future[None] | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve on these sockets until `shut_down`. Raises ApplicationStartError if the application fails to start."""
        log = logging.getLogger("uvicorn.error")
        log.addFilter(self._startup_filter)
        try:
            await super().serve(sockets)
        except SystemExit:  # uvicorn raises it when the lifespan of the application fails
            raise ApplicationStartError(self._startup_filter.reason()) from None
        finally:
            log.removeFilter(self._startup_filter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, accept connections, then call `on_ready`."""
        await super().startup([])
        self._acceptor = ConnectionAcceptor(
            self._build_protocol, self._peers, lambda: len(self.server_state.connections)
        )
        self._acceptor.start(list(sockets or ()))
        self._on_ready()

    async def main_loop(self) -> None:
        """Tick once per second until `shut_down`."""
        loop = asyncio.get_running_loop()
        while not await self.on_tick(0):  # on each tenth number, uvicorn renews the date of its headers
            self._pause = loop.create_future()
            loop.call_later(compute_pause(_TICK_SECONDS), self._end_pause)
            await self._pause

    async def on_tick(self, counter: int) -> bool:
        """Once per second: also report the number of connections, as a sign of life to other processes."""
        if self._acceptor is not None:
            self._acceptor.report_connections()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Drain the connections, then end the application."""
        # 1. Accept no new connections.
        policy = self._shutdown_policy or ShutdownPolicy(timeout=0.0, linger=0.0)
        if self._acceptor is not None:
            await self._acceptor.stop(drain=policy.is_final)
        # 2. Answer running requests, and new ones on open connections, until the timeout.
        await self._drain()
        # 3. Abort what is left: first the connections, then, after a grace time, the requests.
        for each in self._get_connections():
            each.transport.abort()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_ABORT_GRACE)
        for task in self.server_state.tasks:
            task.cancel()
        # 4. Let the application close its resources.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.lifespan.shutdown(), _LIFESPAN_TIMEOUT)

    def shut_down(self, policy: ShutdownPolicy) -> None:
        """Start the shutdown. A second final policy (`is_final`) ends it immediately."""
        if self._shutdown_policy is None or not self._shutdown_policy.is_final:
            self._shutdown_policy = policy
        elif policy.is_final:
            self.force_exit = True
        self.should_exit = True
        self._end_pause()

    def _end_pause(self) -> None:
        if self._pause is not None and not self._pause.done():
            self._pause.set_result(None)

    async def _drain(self) -> None:
        """Wait until all connections are closed and all requests answered, or until the timeout."""
        clock = asyncio.get_running_loop().time
        began = clock()
        announced: set[LimitedHttpProtocol] = set()
        while (self.server_state.connections or self.server_state.tasks) and not self.force_exit:
            policy = self._shutdown_policy
            elapsed = clock() - began
            if policy is None or elapsed >= policy.timeout:
                return
            for each in self._get_connections() - announced:
                each.announce_close()
                announced.add(each)
            if elapsed >= policy.linger:
                for each in self._get_connections():
                    each.close_idle()
            await asyncio.sleep(_POLL_SECONDS)

    def _get_connections(self) -> set[LimitedHttpProtocol]:
        return cast("set[LimitedHttpProtocol]", set(self.server_state.connections))

    def _build_protocol(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn itself makes them
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: the caller handles signals, because it has more to end than this server."""
        yield


class _StartupLogFilter:
    """Collects uvicorn's log records of a failed start, so that one line can replace the traceback."""

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
        """The last line of the first record, where Python writes the error."""
        lines = [line.strip() for line in (self._errors or ["no reason given"])[0].splitlines() if line.strip()]
        return lines[-1]
