"""A complete request is answered before its connection closes, whatever bytes follow it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvloop

from tests.web.server.fakes.bare_server import BareServer, serve_bare_application

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
LAST = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"
PATHS = pytest.mark.parametrize("path", ["/", "/whole", "/slowly"])
GARBAGE = (
    b"}", b"\r\n\r\nx", b"\x00", b"rubbish\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 3\r\n\r\nabc",
)  # fmt: skip


def build_post(path: str, body: bytes = b"[]", length: int | None = None) -> bytes:
    """A request whose body may be longer than its Content-Length."""
    content_length = len(body) if length is None else length
    return b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (
        path.encode(),
        content_length,
        body,
    )


class RawConversation:
    """One connection."""

    def __init__(self, hub: BareServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.hub = hub
        self._reader = reader
        self.writer = writer

    async def wait_until(self, holds: Callable[[], bool]) -> None:
        """Wait for a condition."""
        async with asyncio.timeout(5):
            while not holds():  # noqa: ASYNC110 - the server sets no event
                await asyncio.sleep(0.005)

    async def wait_until_read(self) -> None:
        """Wait until the server parses no more requests, or has answered and closed."""
        await self.wait_until(lambda: all(not each.is_reading for each in self.hub.protocols))

    async def read_all(self) -> bytes:
        """All bytes until the server closes; allows slow responses."""
        self.hub.application.may_answer.set()
        return await asyncio.wait_for(self._reader.read(), 5)


@contextlib.asynccontextmanager
async def start_conversation(**settings: Any) -> AsyncIterator[RawConversation]:  # noqa: ANN401 - any of the settings
    async with serve_bare_application(**settings) as hub:
        yield RawConversation(hub, *await hub.connect())


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def on_loop(request: pytest.FixtureRequest) -> Callable[[Callable[[], Awaitable[None]]], None]:
    """Runs a conversation on the event loop of development, and on that of production."""

    def run(conversation: Callable[[], Awaitable[None]]) -> None:
        async def conversing() -> None:
            await conversation()

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(conversing())

    return run


OnLoop = Callable[[Callable[[], Awaitable[None]]], None]


@PATHS
def test_a_request_with_a_content_length_that_is_one_too_small_is_answered(on_loop: OnLoop, path: str) -> None:
    async def conversation() -> None:
        async with start_conversation() as one:
            one.writer.write(build_post(path, b"[[]]", length=3))
            assert await one.read_all() == LAST
            assert one.hub.application.events == ["answered"]

    on_loop(conversation)


@PATHS
@pytest.mark.parametrize("number", range(len(GARBAGE)))
def test_invalid_bytes_after_two_requests_do_not_prevent_their_answers(on_loop: OnLoop, path: str, number: int) -> None:
    async def conversation() -> None:
        async with start_conversation() as one:
            one.writer.write(build_post(path) + build_post(path) + GARBAGE[number])
            answers = await one.read_all()
            # If the second is answered before the rest is read, the rest gets its own answer.
            assert answers == OK + LAST or answers.startswith((OK + OK + b"HTTP/1.1 4", OK + OK + b"HTTP/1.1 501"))
            assert one.hub.application.events == ["answered"] * 2

    on_loop(conversation)


@pytest.mark.parametrize("number", range(len(GARBAGE)))
def test_invalid_bytes_during_a_request_make_its_answer_the_last(on_loop: OnLoop, number: int) -> None:
    async def conversation() -> None:
        async with start_conversation() as one:
            one.writer.write(build_post("/slowly"))
            await one.hub.application.request_arrived.wait()
            one.writer.write(GARBAGE[number])
            if b"chunked\r\n\r\nzz" in GARBAGE[number]:
                one.writer.write_eof()  # the complete header is a request, which waits for its body
            else:
                await one.wait_until_read()
            assert await one.read_all() == LAST
            assert one.hub.application.events == ["answered"]

    on_loop(conversation)


@PATHS
def test_a_client_that_closes_its_side_is_answered(on_loop: OnLoop, path: str) -> None:
    async def conversation() -> None:
        async with start_conversation() as one:
            one.writer.write(build_post(path) + build_post(path))
            one.writer.write_eof()
            assert await one.read_all() == OK + OK
            assert one.hub.application.events == ["answered"] * 2

    on_loop(conversation)


@PATHS
def test_a_client_that_closes_its_side_after_invalid_bytes_is_answered(on_loop: OnLoop, path: str) -> None:
    async def conversation() -> None:
        async with start_conversation() as one:
            one.writer.write(build_post(path) + b"rubbish")
            one.writer.write_eof()
            assert await one.read_all() == LAST
            assert one.hub.application.events == ["answered"]

    on_loop(conversation)


def test_a_client_that_closed_its_side_counts_as_disconnected_after_a_second(on_loop: OnLoop) -> None:
    async def conversation() -> None:
        async with start_conversation() as one:
            one.writer.write(build_post("/slowly"))
            one.writer.write_eof()
            await one.wait_until(lambda: one.hub.application.events == ["client gone"])

    on_loop(conversation)


def test_an_endless_header_after_a_request_does_not_prevent_its_answer(on_loop: OnLoop) -> None:
    async def conversation() -> None:
        async with start_conversation(header_timeout=0.1) as one:
            one.writer.write(build_post("/slowly") + b"GET / HTTP/1.1\r\nHost: ")
            await one.hub.application.request_arrived.wait()
            await one.wait_until_read()
            assert await one.read_all() == LAST
            assert one.hub.application.events == ["answered"]

    on_loop(conversation)


def test_an_answer_arrives_while_the_client_still_sends(on_loop: OnLoop) -> None:
    async def conversation() -> None:
        async with start_conversation() as one:
            one.writer.write(build_post("/slowly"))
            await one.hub.application.request_arrived.wait()
            one.writer.write(b"\x00" * 4_000_000)
            await one.wait_until_read()
            assert await one.read_all() == LAST

    on_loop(conversation)


def test_a_client_that_sends_without_end_is_disconnected(on_loop: OnLoop) -> None:
    async def conversation() -> None:
        async with start_conversation() as one:
            one.writer.write(build_post("/slowly") + b"\x00")

            async def sending() -> None:
                with contextlib.suppress(ConnectionError):
                    while True:
                        one.writer.write(b"\x00" * 100_000)
                        await one.writer.drain()

            await asyncio.wait_for(sending(), 10)
            await one.wait_until(lambda: one.hub.application.events == ["client gone"])

    on_loop(conversation)


def test_an_incomplete_request_after_another_is_not_executed(on_loop: OnLoop) -> None:
    async def conversation() -> None:
        async with start_conversation() as one:
            one.writer.write(build_post("/slowly") + build_post("/", b"[", length=2))
            await one.hub.application.request_arrived.wait()
            one.writer.write_eof()
            assert await one.read_all() in {OK, LAST}
            assert one.hub.application.events == ["answered"]

    on_loop(conversation)


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
def test_an_upgrade_request_is_answered_in_http_and_the_connection_closes(on_loop: OnLoop, protocol: bytes) -> None:
    async def conversation() -> None:
        async with start_conversation() as one:
            one.writer.write(
                b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n" % protocol
            )
            assert await one.read_all() == LAST

    on_loop(conversation)
