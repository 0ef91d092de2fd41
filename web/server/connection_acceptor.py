"""Accepts connections on the listening socket that several processes share, and balances them.

Without balancing, the process that wakes first would accept all connections. They stay open for long, so it would do
all the work. Therefore each process reports its number of connections, and a process with more than another waits 2 ms
for that one. Connections that are not accepted yet belong to no process, so none is lost when a process ends.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from typing import Protocol

_YIELD_SECONDS = 0.002
"""Seconds to wait for a process with fewer connections. A blocked process delays a new connection by no more."""
_NO_HANDLE_PAUSE = 1.0
"""Seconds to wait when the process has no file descriptor left for another connection."""
_NO_HANDLE_ERRORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

_log = logging.getLogger("simpul.hub")


class AcceptorPeers(Protocol):
    """What processes that share a listening socket report to each other."""

    def report_connections(self, connections: int) -> None:
        """Report that this process accepts, and its number of connections."""

    def has_idler_peer(self, connections: int) -> bool:
        """Whether another accepting process has fewer connections."""

    def stop_accepting(self) -> None:
        """Report that this process no longer accepts."""


class NoPeers:
    """A process that alone accepts on its socket."""

    def report_connections(self, connections: int) -> None:
        """Report nothing."""

    def has_idler_peer(self, connections: int) -> bool:  # noqa: ARG002 - the protocol's
        """There is no other process."""
        return False

    def stop_accepting(self) -> None:
        """Report nothing."""


class ConnectionAcceptor:
    """Accepts connections on listening sockets, and closes the sockets at the end."""

    def __init__(
        self, factory: Callable[[], asyncio.Protocol], peers: AcceptorPeers, connections: Callable[[], int]
    ) -> None:
        """`connections` returns the number of open connections."""
        self._factory = factory
        self._peers = peers
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._listeners: list[socket.socket] = []
        self._pauses: set[asyncio.TimerHandle] = set()
        self._opening: set[asyncio.Task[object]] = set()

    def start(self, listeners: list[socket.socket]) -> None:
        """Start accepting. The sockets are bound; other processes may listen on them already."""
        for each in listeners:
            each.setblocking(False)  # noqa: FBT003 - the standard library's argument has no name
            each.listen(2048)
            self._listeners.append(each)
            self._loop.add_reader(each, self._on_readable, each)
        self.report_connections()

    def report_connections(self) -> None:
        """Report the number of connections to the other processes."""
        self._peers.report_connections(self._count())

    async def stop(self, *, drain: bool) -> None:
        """Stop accepting. With `drain`, accept pending connections first, because no other process will."""
        self._peers.stop_accepting()
        for each in self._listeners:
            self._loop.remove_reader(each)
            while drain and self._accept(each):
                pass
            each.close()
        self._listeners.clear()
        for pause in self._pauses:  # draining may have started one, without a descriptor left
            pause.cancel()
        if self._opening:
            await asyncio.wait(self._opening)

    def _count(self) -> int:
        return self._connections() + len(self._opening)

    def _on_readable(self, listener: socket.socket) -> None:
        """Accept a pending connection, unless another process with fewer connections may do so first."""
        if self._peers.has_idler_peer(self._count()):
            self._pause(listener, _YIELD_SECONDS)
        else:
            self._accept(listener)

    def _pause(self, listener: socket.socket, seconds: float) -> None:
        """Ignore a socket for some seconds, then accept one connection if it is still pending."""

        def resume() -> None:
            self._pauses.discard(pause)
            self._loop.add_reader(listener, self._on_readable, listener)
            self._accept(listener)

        self._loop.remove_reader(listener)
        pause = self._loop.call_later(seconds, resume)
        self._pauses.add(pause)

    def _accept(self, listener: socket.socket) -> bool:
        """Accept one connection; False if none was pending."""
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False
        except OSError as problem:
            if problem.errno not in _NO_HANDLE_ERRORS:
                raise
            _log.error("No connection can be accepted (%s): raise LimitNOFILE", problem.strerror)
            self._pause(listener, _NO_HANDLE_PAUSE)
            return False
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opening = self._loop.create_task(self._loop.connect_accepted_socket(self._factory, connection))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        self.report_connections()
        return True
