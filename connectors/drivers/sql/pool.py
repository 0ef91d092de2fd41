"""The connections to an agency's database: opened on first use, limited in number, and kept while they are sound."""

from __future__ import annotations

import asyncio

from connectors.drivers.sql.connections import Connect, SqlConnection
from connectors.resilience.bulkhead import Bulkhead


class SqlPool:
    """Connections of one agency. The last used one is taken first, so that unneeded ones become idle."""

    def __init__(self, connect: Connect, size: int) -> None:
        """`size` is the maximum of connections, and so of concurrent statements."""
        self._connect = connect
        self.permits = Bulkhead(max_concurrency=size, max_waiting=None)
        """A statement holds one while it has a connection."""
        self._free: list[SqlConnection] = []
        self._busy: set[SqlConnection] = set()
        self._closing: dict[asyncio.Task[None], SqlConnection] = {}
        self._is_closed = False

    def take_free(self) -> SqlConnection | None:
        """A connection that has served before; None if none is open."""
        while self._free:
            connection = self._free.pop()
            if connection.is_open:
                self._busy.add(connection)
                return connection
            connection.abort()
        return None

    async def open(self) -> SqlConnection:
        """A new connection. Raises the errors of the driver."""
        connection = await self._connect()
        self._busy.add(connection)
        return connection

    def release(self, connection: SqlConnection) -> None:
        """Keep a connection whose statement has ended."""
        self._busy.discard(connection)
        if connection.is_open and not self._is_closed:
            self._free.append(connection)
        else:
            connection.abort()

    def drop(self, connection: SqlConnection) -> None:
        """Cut a connection in an unknown state: a silent server would never acknowledge its end."""
        self._busy.discard(connection)
        connection.abort()

    def abandon(self, connection: SqlConnection) -> None:
        """End a connection whose caller left during a statement, and the statement at the server, in the background."""
        self._busy.discard(connection)
        task = asyncio.create_task(connection.close())
        self._closing[task] = connection
        task.add_done_callback(self._closed)

    def drop_idle(self, since: float) -> None:
        """Cut the idle connections that have received nothing since this moment."""
        silent = [each for each in self._free if each.served_at is None or each.served_at < since]
        self._free = [each for each in self._free if each not in silent]
        for each in silent:
            each.abort()

    async def close(self, within: float) -> None:
        """Close every connection; what is not acknowledged within these seconds is cut."""
        self._is_closed = True
        for each in (*self._free, *self._busy):
            self.abandon(each)
        self._free.clear()
        if self._closing:
            await asyncio.wait(self._closing, timeout=within)
        for each in self._closing.values():
            each.abort()

    def _closed(self, task: asyncio.Task[None]) -> None:
        connection = self._closing.pop(task)
        if task.cancelled() or task.exception() is not None:  # retrieved, so that asyncio does not report it
            connection.abort()
