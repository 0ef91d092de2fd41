"""Several processes on one socket: who takes the next connection."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator

import pytest

from web.accepting import Accepting


class Neighbours:
    """Others that accept on the same socket, as the test wants them."""

    def __init__(self) -> None:
        self.fewest = 1_000
        self.told: list[int] = []
        self.left = False
        self.looked = asyncio.Event()

    def tell(self, connections: int) -> None:
        self.told.append(connections)

    def crowded(self, connections: int) -> bool:
        self.looked.set()
        return self.fewest < connections

    def leave(self) -> None:
        self.left = True


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener


class Taken(asyncio.Protocol):
    """A connection that was taken."""

    count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Taken.count += 1
        transport.close()


async def test_who_has_more_connections_than_another_lets_that_one_go_first(listener: socket.socket) -> None:
    neighbours = Neighbours()
    neighbours.fewest = 4
    accepting = Accepting(Taken, neighbours, lambda: 5)
    mine, other = listener.dup(), listener
    accepting.begin([mine])
    with socket.socket() as caller:
        caller.connect(listener.getsockname())
        await neighbours.looked.wait()
        taken, _ = other.accept()  # the other one is there
        taken.close()
    assert neighbours.told == [5]
    await accepting.end(rest=False)


async def test_where_nobody_else_takes_a_connection_it_is_taken_after_a_moment(listener: socket.socket) -> None:
    neighbours = Neighbours()
    neighbours.fewest = 0
    before = Taken.count
    accepting = Accepting(Taken, neighbours, lambda: 5)
    accepting.begin([listener.dup()])
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    assert Taken.count == before + 1
    assert neighbours.told == [5, 6]  # the new one counts from the moment it is taken
    await accepting.end(rest=False)
    assert neighbours.left


async def test_at_its_end_it_leaves_what_waits_to_others(listener: socket.socket) -> None:
    before = Taken.count
    accepting = Accepting(Taken, Neighbours(), lambda: 0)
    accepting.begin([listener.dup()])
    with socket.socket() as caller:
        caller.connect(listener.getsockname())
        await accepting.end(rest=False)
        taken, _ = listener.accept()
        taken.close()
    assert Taken.count == before


async def test_where_nobody_comes_after_it_lets_in_what_waits(listener: socket.socket) -> None:
    before = Taken.count
    accepting = Accepting(Taken, Neighbours(), lambda: 0)
    accepting.begin([listener.dup()])
    callers = [socket.create_connection(listener.getsockname()) for _ in range(3)]
    await accepting.end(rest=True)
    assert Taken.count == before + 3
    for each in callers:
        each.close()


class Exhausted(socket.socket):
    """A listening socket of a process that has no handle left."""

    def accept(self) -> tuple[socket.socket, object]:
        raise OSError(errno.EMFILE, "Too many open files")


async def test_a_process_without_a_handle_left_ends_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.accepting._BREATH", 0.01)
    listener = Exhausted()
    listener.bind(("127.0.0.1", 0))
    accepting = Accepting(Taken, Neighbours(), lambda: 0)
    accepting.begin([listener])
    await accepting.end(rest=True)
    later = asyncio.Event()
    asyncio.get_running_loop().call_later(0.02, later.set)  # after whatever was to happen in 0.01 s
    await later.wait()
    assert listener.fileno() == -1
