"""Several processes on one socket: which of them accepts the next connection."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator

import pytest

from web.server.connection_acceptor import ConnectionAcceptor


class FakePeers:
    """Other processes on the same socket, as set by the test."""

    def __init__(self) -> None:
        self.fewest = 1_000
        self.reported: list[int] = []
        self.has_stopped = False
        self.was_asked = asyncio.Event()

    def report_connections(self, connections: int) -> None:
        self.reported.append(connections)

    def has_idler_peer(self, connections: int) -> bool:
        self.was_asked.set()
        return self.fewest < connections

    def stop_accepting(self) -> None:
        self.has_stopped = True


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener


class AcceptedConnection(asyncio.Protocol):
    """An accepted connection."""

    count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        AcceptedConnection.count += 1
        transport.close()


async def test_a_process_with_more_connections_lets_another_accept_first(listener: socket.socket) -> None:
    neighbours = FakePeers()
    neighbours.fewest = 4
    accepting = ConnectionAcceptor(AcceptedConnection, neighbours, lambda: 5)
    mine, other = listener.dup(), listener
    accepting.start([mine])
    with socket.socket() as caller:
        caller.connect(listener.getsockname())
        await neighbours.was_asked.wait()
        taken, _ = other.accept()  # the other process accepts
        taken.close()
    assert neighbours.reported == [5]
    await accepting.stop(drain=False)


async def test_a_connection_that_no_other_process_accepts_is_accepted_after_a_short_wait(
    listener: socket.socket,
) -> None:
    neighbours = FakePeers()
    neighbours.fewest = 0
    before = AcceptedConnection.count
    accepting = ConnectionAcceptor(AcceptedConnection, neighbours, lambda: 5)
    accepting.start([listener.dup()])
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    assert AcceptedConnection.count == before + 1
    assert neighbours.reported == [5, 6]  # an accepted connection counts immediately
    await accepting.stop(drain=False)
    assert neighbours.has_stopped


async def test_stop_leaves_pending_connections_to_other_processes(listener: socket.socket) -> None:
    before = AcceptedConnection.count
    accepting = ConnectionAcceptor(AcceptedConnection, FakePeers(), lambda: 0)
    accepting.start([listener.dup()])
    with socket.socket() as caller:
        caller.connect(listener.getsockname())
        await accepting.stop(drain=False)
        taken, _ = listener.accept()
        taken.close()
    assert AcceptedConnection.count == before


async def test_stop_with_drain_accepts_pending_connections(listener: socket.socket) -> None:
    before = AcceptedConnection.count
    accepting = ConnectionAcceptor(AcceptedConnection, FakePeers(), lambda: 0)
    accepting.start([listener.dup()])
    callers = [socket.create_connection(listener.getsockname()) for _ in range(3)]
    await accepting.stop(drain=True)
    assert AcceptedConnection.count == before + 3
    for each in callers:
        each.close()


class ExhaustedSocket(socket.socket):
    """A listening socket of a process without file descriptors left."""

    def accept(self) -> tuple[socket.socket, object]:
        raise OSError(errno.EMFILE, "Too many open files")


async def test_a_process_without_file_descriptors_left_stops_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.server.connection_acceptor._NO_HANDLE_PAUSE", 0.01)
    listener = ExhaustedSocket()
    listener.bind(("127.0.0.1", 0))
    accepting = ConnectionAcceptor(AcceptedConnection, FakePeers(), lambda: 0)
    accepting.start([listener])
    await accepting.stop(drain=True)
    later = asyncio.Event()
    asyncio.get_running_loop().call_later(0.02, later.set)  # after the pause of 0.01 s
    await later.wait()
    assert listener.fileno() == -1
