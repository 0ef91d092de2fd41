"""Network failures of a call, for both kinds of the driver's connections."""

import asyncio
import gzip
import socket
from collections.abc import Callable
from time import monotonic

import pytest

from connectors.drivers.http.service import HttpRequest
from records.calls.failures import AgencyMalformed, AgencyTimeout, AgencyUnavailable
from tests.connectors.drivers.byte_server import ByteServer, ReceivedRequest, answer_with, reply, silence
from tests.connectors.drivers.scripted_driver import (
    both_ways,
    call,
    driver_of,
    dying_after_the_first_answer,
    get_failure,
    run_driver,
)


class TestBounds:
    @both_ways
    async def test_a_body_of_the_maximum_length_is_accepted(self, method: str) -> None:
        async with run_driver(reply(200, b"x" * 1000)) as (driver, _):
            assert len((await driver.send(HttpRequest(method, "/"), call())).body) == 1000

    @both_ways
    @pytest.mark.parametrize(
        "answer",
        [
            reply(200, b"x" * 1001),
            reply(200, gzip.compress(b"x" * 50_000_000), Content_Encoding="gzip"),
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"400\r\n" + b"x" * 1024 + b"\r\n") * 3,
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 5000,
        ],
        ids=["long", "bomb", "endless", "announced"],
    )
    async def test_a_longer_body_is_malformed_and_not_read_to_its_end(self, method: str, answer: bytes) -> None:
        seen = await get_failure(answer, method=method)
        assert isinstance(seen, AgencyMalformed)
        assert seen.detail == "the body is longer than 1000 bytes"

    @both_ways
    async def test_endless_headers_are_malformed(self, method: str) -> None:
        assert isinstance(
            await get_failure(
                b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 9000) for n in range(20)), method=method
            ),
            AgencyMalformed,
        )


class TestWire:
    @both_ways
    @pytest.mark.parametrize(
        "answer",
        [
            b"HELLO, I AM NOT HTTP\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
            b"HTTP/1.1 abc OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Encoding: gzip\r\n\r\nabcdefghij",
        ],
        ids=["words", "tls", "status", "chunk", "gzip"],
    )
    async def test_what_is_not_http_is_malformed(self, method: str, answer: bytes) -> None:
        assert isinstance(await get_failure(answer_with(answer, then_hang_up=True), method=method), AgencyMalformed)

    @both_ways
    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"HTTP/1.1 200 OK\r\nContent-Le",
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        ],
        ids=["nothing", "half a head", "half a body", "half a chunk"],
    )
    async def test_a_truncated_reply_is_unavailable(self, method: str, answer: bytes) -> None:
        assert isinstance(await get_failure(answer_with(answer, then_hang_up=True), method=method), AgencyUnavailable)

    @both_ways
    async def test_a_reset_connection_is_unavailable(self, method: str) -> None:
        async def script(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            writer.transport.abort()

        assert isinstance(await get_failure(script, method=method), AgencyUnavailable)

    @both_ways
    async def test_an_agency_that_is_down_is_unavailable_and_answers_when_it_is_back(
        self, method: str, free_port: int
    ) -> None:
        driver = driver_of(f"http://127.0.0.1:{free_port}")
        with pytest.raises(AgencyUnavailable) as caught:
            await driver.send(HttpRequest(method, "/"), call())
        assert caught.value.detail == "ClientConnectorError"

        back = ByteServer(answer_with(reply(200, b"back")))
        async with await asyncio.start_server(back.serve, "127.0.0.1", free_port):
            assert (await driver.send(HttpRequest(method, "/"), call())).body == b"back"
            await driver.close()

    @pytest.mark.parametrize(("method", "repeatable"), [("GET", False), ("POST", True)])
    async def test_a_dead_reused_connection_does_not_fail_a_read(self, method: str, repeatable: bool) -> None:  # noqa: FBT001 - a parameter of the test
        async with dying_after_the_first_answer() as (driver, server):
            assert (await driver.send(HttpRequest(method, "/", repeatable=repeatable), call())).body == b"ok"
            assert (await driver.send(HttpRequest(method, "/", repeatable=repeatable), call())).body == b"ok"
        assert server.connections == 2

    async def test_a_write_on_a_dead_reused_connection_is_not_repeated(self) -> None:
        async with dying_after_the_first_answer() as (driver, server):
            await driver.send(HttpRequest("POST", "/first"), call())
            with pytest.raises(AgencyUnavailable):
                await driver.send(HttpRequest("POST", "/second"), call())
        assert [asked.target for asked in server.asked] == ["/first", "/second"]

    async def test_a_request_on_a_new_connection_that_dies_is_not_repeated(self) -> None:
        async with run_driver(answer_with(b"", then_hang_up=True)) as (driver, server):
            with pytest.raises(AgencyUnavailable):
                await driver.send(HttpRequest("POST", "/", repeatable=True), call())
        assert len(server.asked) == 1


class TestDeadlines:
    @both_ways
    @pytest.mark.parametrize(("seconds", "deadline"), [(0.1, 9), (9, 0.1)], ids=["caller's", "agency's"])
    async def test_silence_ends_at_the_earlier_deadline(self, method: str, seconds: float, deadline: float) -> None:
        began = monotonic()
        seen = await get_failure(silence, seconds=seconds, deadline=deadline, method=method)
        assert isinstance(seen, AgencyTimeout)
        assert 0.09 < monotonic() - began < 2

    @both_ways
    async def test_a_slow_body_does_not_extend_the_deadline(self, method: str) -> None:
        async def drip(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)

        began = monotonic()
        assert isinstance(await get_failure(drip, seconds=0.2, method=method), AgencyTimeout)
        assert monotonic() - began < 2

    @both_ways
    async def test_waiting_for_a_free_connection_counts(self, method: str) -> None:
        async with run_driver(silence, connections=1) as (driver, server):
            first = asyncio.create_task(driver.send(HttpRequest(method, "/"), call(9)))
            await server.busy.wait()
            with pytest.raises(AgencyTimeout):
                await driver.send(HttpRequest(method, "/"), call(0.1))
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
        assert len(server.asked) == 1

    async def test_a_server_that_accepts_and_never_reads_is_a_timeout(self) -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=1) as deaf:
            driver = driver_of(f"http://127.0.0.1:{deaf.getsockname()[1]}", deadline=0.1)
            try:
                with pytest.raises(AgencyTimeout):
                    await driver.send(HttpRequest("POST", "/", body=b"x" * 1_000_000), call())
            finally:
                await driver.close()

    @both_ways
    async def test_after_the_deadline_no_call_is_made(self, method: str) -> None:
        async with run_driver(reply()) as (driver, server):
            with pytest.raises(AgencyTimeout) as caught:
                await driver.send(HttpRequest(method, "/"), call(-1))
        assert caught.value.detail == "the deadline had passed before the call"
        assert server.connections == 0

    @both_ways
    async def test_cancelling_the_caller_cancels_the_call(self, method: str) -> None:
        async with run_driver(silence) as (driver, server):
            task = asyncio.create_task(driver.send(HttpRequest(method, "/"), call()))
            await server.busy.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(server.left.wait(), 2)


@pytest.fixture
def free_port(unused_tcp_port_factory: Callable[[], int]) -> int:
    return unused_tcp_port_factory()
