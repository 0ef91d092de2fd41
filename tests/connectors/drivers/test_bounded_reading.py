"""Replies with a high cost per byte: each turn of the event loop parses a limited part of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from time import monotonic

import aiohttp
import pytest
import uvloop

from connectors.drivers.bounded_reading import MOST_AROUND, SLICE
from connectors.drivers.http.aiohttp_session import _BoundedHandler
from connectors.drivers.http.connection import ReadConnection
from connectors.drivers.http.reply import HttpReply
from connectors.drivers.http.service import HttpRequest
from records.calls.failures import AgencyUnavailable
from tests.connectors.drivers.byte_server import reply
from tests.connectors.drivers.fed_line import Line
from tests.connectors.drivers.scripted_driver import both_ways, call, run_driver
from tests.connectors.hostile.loop_probe import STALL, longest_turn

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKS = 40_000
COSTLY = CHUNKED + b"1\r\nx\r\n" * CHUNKS + b"0\r\n\r\n"
MOST_CHUNKS = (MOST_AROUND + SLICE) // 5


class Own:
    """A reply over a connection of our own."""

    def __init__(self) -> None:
        self.line = Line()
        self.protocol = ReadConnection("crm", 10**6, lambda _: None)
        self.protocol.connection_made(self.line)
        self.outcome = self.protocol.send(b"", deadline=monotonic() + 30, bodiless=False)

    @property
    def parsed(self) -> int:
        return self.protocol._length

    @property
    def is_reusable(self) -> bool:
        return self.protocol.is_usable

    async def body(self) -> bytes | None:
        """None where the reply broke off."""
        outcome = await self.outcome
        if isinstance(outcome, AgencyUnavailable):
            return None
        assert isinstance(outcome, HttpReply)
        return outcome.body

    def give_up(self) -> None:
        self.outcome.cancel()
        self.protocol.abort()


class Theirs:
    """A reply through aiohttp."""

    def __init__(self) -> None:
        self.line = Line()
        self.protocol = _BoundedHandler(asyncio.get_running_loop())
        self.protocol.connection_made(self.line)
        self.protocol.set_response_params(auto_decompress=False)

    @property
    def parsed(self) -> int:
        return self.protocol._body_bytes()

    @property
    def is_reusable(self) -> bool:
        return not (self.line.closed or self.protocol.should_close)

    async def body(self) -> bytes | None:
        _, payload = await self.protocol.read()
        try:
            return b"".join([piece async for piece in payload.iter_any()])
        except aiohttp.ClientPayloadError:
            return None

    def give_up(self) -> None:
        self.protocol.close()


each_loop = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
each_way = pytest.mark.parametrize("way", [Own, Theirs], ids=["own connections", "aiohttp"])
Way = Callable[[], Own | Theirs]


@each_way
async def test_chunks_of_one_byte_are_parsed_in_several_turns_while_reading_is_paused(way: Way) -> None:
    coming = way()
    body = asyncio.create_task(coming.body())
    coming.protocol.data_received(COSTLY)
    parsed = [0, coming.parsed]
    while coming.line.paused:
        await asyncio.sleep(0)
        parsed.append(max(coming.parsed, parsed[-1]))
    assert max(after - before for before, after in pairwise(parsed)) <= MOST_CHUNKS
    assert await body == b"x" * CHUNKS


@each_way
async def test_a_large_body_in_one_piece_is_parsed_in_one_turn(way: Way) -> None:
    coming = way()
    body = asyncio.create_task(coming.body())
    coming.protocol.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 250000\r\n\r\n" + b"x" * 250_000)
    # Either no parser is needed, or it has parsed all of it.
    assert coming.parsed == 250_000 or (isinstance(coming, Own) and coming.outcome.done())
    assert coming.line.pauses == 0
    assert await body == b"x" * 250_000


@pytest.mark.parametrize(
    ("field", "pieces"), [(b"Content-Length: 250000", 1), (b"X: y", 1), (b"Transfer-Encoding: identity", 31)]
)
async def test_a_body_without_bytes_around_it_is_parsed_in_one_piece_after_its_head(field: bytes, pieces: int) -> None:
    coming = Own()
    coming.protocol.data_received(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % field + b"x" * 249_999)
    assert (coming.parsed, len(coming.protocol._pieces)) == (249_999, pieces)


@each_way
@pytest.mark.parametrize(("sent", "whole"), [(COSTLY, b"x" * CHUNKS), (COSTLY[:-5], None)], ids=["whole", "cut off"])
async def test_bytes_before_the_loss_of_the_connection_are_parsed(way: Way, sent: bytes, whole: bytes | None) -> None:
    """TLS hands over its last bytes and the end at the same time."""
    coming = way()
    body = asyncio.create_task(coming.body())
    coming.protocol.data_received(sent)
    coming.protocol.eof_received()
    coming.line.close()
    coming.protocol.connection_lost(None)
    assert await body == whole


@each_way
async def test_bytes_after_a_reply_are_not_kept_for_the_next(way: Way) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %05d\r\n\r\n"
    length = 2 * SLICE - len(head % 0)
    coming = way()
    body = asyncio.create_task(coming.body())
    coming.protocol.data_received(head % length + b"x" * length + COSTLY)
    assert (coming.line.closed, coming.line.paused) == (True, False)
    assert await body == b"x" * length


def _write_costly_reply(length: int) -> tuple[bytes, bytes]:
    """A reply of this many bytes, with more of them around its body than one turn parses, and the body."""
    costly, end = CHUNKED + b"1\r\nx\r\n" * 1300, b"0\r\n\r\n"
    last = b"y" * (length - len(costly) - len(end) - len(b"123\r\n\r\n"))
    return costly + b"%03x\r\n%b\r\n" % (len(last), last) + end, b"x" * 1300 + last


@each_way
@pytest.mark.parametrize(
    ("sent", "whole"),
    [_write_costly_reply(SLICE), _write_costly_reply(len(CHUNKED) + SLICE)],
    ids=["with its head", "after its head"],
)
async def test_bytes_after_a_reply_that_ends_with_a_step_are_not_kept(way: Way, sent: bytes, whole: bytes) -> None:
    """Its caller may send the next request immediately: the connection must not look free then."""
    coming = way()

    async def ask() -> bool:
        assert await coming.body() == whole
        return coming.is_reusable

    asking = asyncio.create_task(ask())
    await asyncio.sleep(0)
    coming.protocol.data_received(sent + reply(200, b"for the next request"))
    assert not await asking


@each_way
async def test_nothing_is_parsed_after_a_call_is_cancelled(way: Way) -> None:
    coming = way()
    coming.protocol.data_received(COSTLY)
    coming.give_up()
    parsed = coming.parsed
    coming.protocol.connection_lost(None)
    for _ in range(3):
        await asyncio.sleep(0)
    assert coming.parsed in {parsed, 0}


@both_ways
@each_loop
def test_a_body_longer_than_any_buffer_is_complete(loop: Callable[[], asyncio.AbstractEventLoop], method: str) -> None:
    body = b"x" * 4_000_000
    pieces = b"".join(b"1f40\r\n%b\r\n" % body[start : start + 8000] for start in range(0, len(body), 8000))

    async def test() -> None:
        for answer in (reply(200, body), CHUNKED + pieces + b"0\r\n\r\n"):
            async with run_driver(answer, max_bytes=len(body), apart=True) as (driver, _):
                replies = await asyncio.gather(*(driver.send(HttpRequest(method, "/"), call(30)) for _ in range(3)))
                assert {each.body == body for each in replies} == {True}

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(asyncio.wait_for(test(), 60))


@both_ways
@each_loop
def test_eight_replies_in_chunks_of_one_byte_at_the_same_time_stall_no_loop(
    loop: Callable[[], asyncio.AbstractEventLoop], method: str
) -> None:
    async def test() -> None:
        async with run_driver(COSTLY, connections=8, max_bytes=CHUNKS, apart=True) as (driver, _):

            async def ask() -> None:
                replies = await asyncio.gather(*(driver.send(HttpRequest(method, "/"), call(30)) for _ in range(8)))
                assert {each.body for each in replies} == {b"x" * CHUNKS}

            await ask()
            assert await longest_turn(ask) < STALL

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(asyncio.wait_for(test(), 60))
