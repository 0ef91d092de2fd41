"""How connections are taken off the listening socket that several processes share.

Whoever is woken first would take them all: connections stay open for long, so one process would do the work of all.
Each therefore says how many it has, and whoever has more than another lets that one go first, for 2 ms. Connections
that nobody has taken yet belong to no process, so none is lost with one.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from typing import Protocol

_YIELD_SECONDS = 0.002
"""Seconds in which somebody who has fewer connections may go first. Who hangs delays a new connection by no more."""
_NO_HANDLE_PAUSE = 1.0
"""Seconds without accepting where the process has no handle left for another connection."""
_NO_HANDLE_ERRORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

_log = logging.getLogger("simpul.hub")


class AcceptorPeers(Protocol):
    """What processes that share a listening socket know of each other."""

    def report_connections(self, connections: int) -> None:
        """Say that this process accepts, and how many connections it has."""

    def has_idler_peer(self, connections: int) -> bool:
        """Whether another process that accepts has fewer."""

    def stop_accepting(self) -> None:
        """Say that this process accepts no more."""


class NoPeers:
    """Nobody else listens."""

    def report_connections(self, connections: int) -> None:
        """Nobody hears it."""

    def has_idler_peer(self, connections: int) -> bool:  # noqa: ARG002 - the protocol's
        """There is nobody who could have fewer."""
        return False

    def stop_accepting(self) -> None:
        """Nobody hears it."""


class ConnectionAcceptor:
    """Takes connections off listening sockets, each of which is closed here at the end."""

    def __init__(
        self, factory: Callable[[], asyncio.Protocol], peers: AcceptorPeers, connections: Callable[[], int]
    ) -> None:
        """`connections` tells how many there are already."""
        self._factory = factory
        self._peers = peers
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._listeners: list[socket.socket] = []
        self._pauses: set[asyncio.TimerHandle] = set()
        self._opening: set[asyncio.Task[object]] = set()

    def start(self, listeners: list[socket.socket]) -> None:
        """Accept from now on. The sockets are bound; whoever shares them may be listening already."""
        for each in listeners:
            each.setblocking(False)  # noqa: FBT003 - the standard library's argument has no name
            each.listen(2048)
            self._listeners.append(each)
            self._loop.add_reader(each, self._on_readable, each)
        self.report_connections()

    def report_connections(self) -> None:
        """Say how many connections there are."""
        self._peers.report_connections(self._count())

    async def stop(self, *, drain: bool) -> None:
        """Accept no more, but for what waits already where `drain` says that nobody else will take it."""
        self._peers.stop_accepting()
        for each in self._listeners:
            self._loop.remove_reader(each)
            while drain and self._accept(each):
                pass
            each.close()
        self._listeners.clear()
        for pause in self._pauses:  # the last one may have begun just now, for want of handles
            pause.cancel()
        if self._opening:
            await asyncio.wait(self._opening)

    def _count(self) -> int:
        return self._connections() + len(self._opening)

    def _on_readable(self, listener: socket.socket) -> None:
        """Somebody waits: let whoever has fewer connections go first."""
        if self._peers.has_idler_peer(self._count()):
            self._pause(listener, _YIELD_SECONDS)
        else:
            self._accept(listener)

    def _pause(self, listener: socket.socket, seconds: float) -> None:
        """Look away from a socket for a while, and take one connection off it then, if nobody else did."""

        def resume() -> None:
            self._pauses.discard(pause)
            self._loop.add_reader(listener, self._on_readable, listener)
            self._accept(listener)

        self._loop.remove_reader(listener)
        pause = self._loop.call_later(seconds, resume)
        self._pauses.add(pause)

    def _accept(self, listener: socket.socket) -> bool:
        """Take one connection; whether there was one."""
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
