"""Several processes on one socket: who takes the next connection."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator

import pytest

from web.server.connection_acceptor import ConnectionAcceptor


class FakePeers:
    """Others that accept on the same socket, as the test wants them."""

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
    """A connection that was taken."""

    count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        AcceptedConnection.count += 1
        transport.close()


async def test_who_has_more_connections_than_another_lets_that_one_go_first(listener: socket.socket) -> None:
    neighbours = FakePeers()
    neighbours.fewest = 4
    accepting = ConnectionAcceptor(AcceptedConnection, neighbours, lambda: 5)
    mine, other = listener.dup(), listener
    accepting.start([mine])
    with socket.socket() as caller:
        caller.connect(listener.getsockname())
        await neighbours.was_asked.wait()
        taken, _ = other.accept()  # the other one is there
        taken.close()
    assert neighbours.reported == [5]
    await accepting.stop(drain=False)


async def test_where_nobody_else_takes_a_connection_it_is_taken_after_a_moment(listener: socket.socket) -> None:
    neighbours = FakePeers()
    neighbours.fewest = 0
    before = AcceptedConnection.count
    accepting = ConnectionAcceptor(AcceptedConnection, neighbours, lambda: 5)
    accepting.start([listener.dup()])
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    assert AcceptedConnection.count == before + 1
    assert neighbours.reported == [5, 6]  # the new one counts from the moment it is taken
    await accepting.stop(drain=False)
    assert neighbours.has_stopped


async def test_at_its_end_it_leaves_what_waits_to_others(listener: socket.socket) -> None:
    before = AcceptedConnection.count
    accepting = ConnectionAcceptor(AcceptedConnection, FakePeers(), lambda: 0)
    accepting.start([listener.dup()])
    with socket.socket() as caller:
        caller.connect(listener.getsockname())
        await accepting.stop(drain=False)
        taken, _ = listener.accept()
        taken.close()
    assert AcceptedConnection.count == before


async def test_where_nobody_comes_after_it_lets_in_what_waits(listener: socket.socket) -> None:
    before = AcceptedConnection.count
    accepting = ConnectionAcceptor(AcceptedConnection, FakePeers(), lambda: 0)
    accepting.start([listener.dup()])
    callers = [socket.create_connection(listener.getsockname()) for _ in range(3)]
    await accepting.stop(drain=True)
    assert AcceptedConnection.count == before + 3
    for each in callers:
        each.close()


class ExhaustedSocket(socket.socket):
    """A listening socket of a process that has no handle left."""

    def accept(self) -> tuple[socket.socket, object]:
        raise OSError(errno.EMFILE, "Too many open files")


async def test_a_process_without_a_handle_left_ends_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.server.connection_acceptor._NO_HANDLE_PAUSE", 0.01)
    listener = ExhaustedSocket()
    listener.bind(("127.0.0.1", 0))
    accepting = ConnectionAcceptor(AcceptedConnection, FakePeers(), lambda: 0)
    accepting.start([listener])
    await accepting.stop(drain=True)
    later = asyncio.Event()
    asyncio.get_running_loop().call_later(0.02, later.set)  # after whatever was to happen in 0.01 s
    await later.wait()
    assert listener.fileno() == -1
