"""Replies that are unusual, broken or hostile, and what happens to their connection."""

import asyncio
import socket

import pytest

from connectors.drivers.http import connection
from connectors.drivers.http.service import HttpRequest
from records.calls.failures import AgencyMalformed, AgencyTimeout, AgencyUnavailable
from tests.connectors.drivers.byte_server import ReceivedRequest, Script, answer_with, silence
from tests.connectors.drivers.scripted_driver import both_ways, call, get_failure, run_driver

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ONE = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none"


def in_turn(*answers: bytes) -> Script:
    """One answer per request; the last one for all that follow."""
    left = list(answers)

    async def script(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])

    return script


class TestWhatIsRead:
    @both_ways
    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 200\r\nContent-Length: 3\r\n\r\none",
            b"HTTP/1.1 200 \r\ncontent-length:3\r\n\r\none",
            b"HTTP/1.1 200 OK\nContent-Length: 3\n\none",
            b"HTTP/1.1 200 OK\r\nX-Empty:\r\nX-Folded: a\r\n b\r\nContent-Length: 3\r\n\r\none",
            CHUNKED + b"1\r\no\r\n2\r\nne\r\n0\r\n\r\n",
            CHUNKED + b'3;name=value;other="a;b"\r\none\r\n0;last\r\n\r\n',
            CHUNKED + b"3\r\none\r\n0\r\nX-Checksum: 7\r\nContent-Encoding: gzip\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n" + ONE,
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Encoding: gzip\r\n\r\n" * 3 + ONE,
            b"HTTP/1.1 200 OK\r\nContent-Encoding: utf-8\r\nContent-Length: 3\r\n\r\none",
        ],
        ids=[
            "no reason", "empty reason", "bare line feeds", "odd fields", "chunks", "chunk extensions", "trailers",
            "interim", "many interim", "a charset for an encoding",
        ],
    )  # fmt: skip
    async def test_whole_or_byte_by_byte(self, answer: bytes, method: str) -> None:
        async def byte_by_byte(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            for byte in answer:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0)

        for script in (answer_with(answer), byte_by_byte):
            async with run_driver(script) as (driver, server):
                for _ in range(2):
                    read = await driver.send(HttpRequest(method, "/"), call())
                    assert (read.status, read.body) == (200, b"one")
                    assert "x-checksum" not in read.headers
                assert server.connections == 1

    @both_ways
    async def test_a_body_in_very_many_chunks(self, method: str) -> None:
        body = bytes(n % 251 for n in range(1000))
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
        async with run_driver(in_turn(CHUNKED + chunks + b"0\r\n\r\n", ONE)) as (driver, _):
            assert (await driver.send(HttpRequest(method, "/"), call())).body == body
            assert (await driver.send(HttpRequest(method, "/"), call())).body == b"one"

    @both_ways
    @pytest.mark.parametrize("version", ["1.1", "1.0"])
    @pytest.mark.parametrize("field", ["", "Transfer-Encoding: identity\r\n"])
    async def test_a_body_may_end_with_the_connection(self, field: str, version: str, method: str) -> None:
        answer = f"HTTP/{version} 200 OK\r\n{field}\r\none and all".encode()
        async with run_driver(answer_with(answer, then_hang_up=True)) as (driver, server):
            for _ in range(2):
                assert (await driver.send(HttpRequest(method, "/"), call())).body == b"one and all"
        assert server.connections == 2

    @both_ways
    async def test_a_half_close_by_the_server_ends_the_body(self, method: str) -> None:
        async def script(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\none")
            writer.write_eof()

        async with run_driver(script) as (driver, _):
            assert (await driver.send(HttpRequest(method, "/"), call())).body == b"one"

    async def test_a_head_request_reads_only_the_head_and_keeps_the_connection(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\nContent-Encoding: gzip\r\nX-Total: 7\r\n\r\n"
        async with run_driver(in_turn(head, head, ONE)) as (driver, server):
            for _ in range(2):
                read = await driver.send(HttpRequest("HEAD", "/"), call())
                assert (read.status, read.body, read.headers["x-total"]) == (200, b"", "7")
            assert (await driver.send(HttpRequest("GET", "/"), call())).body == b"one"
        assert [asked.method for asked in server.asked] == ["HEAD", "HEAD", "GET"]
        assert server.connections == 1

    async def test_an_unexpected_body_is_not_taken_for_the_next_reply(self) -> None:
        async with run_driver(in_turn(ONE, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo")) as (driver, server):
            assert (await driver.send(HttpRequest("HEAD", "/"), call())).body == b""
            assert (await driver.send(HttpRequest("GET", "/"), call())).body == b"two"
        assert server.connections == 2

    @pytest.mark.parametrize("status", [204, 304])
    async def test_replies_without_a_body_end_with_their_head(self, status: int) -> None:
        bare = f"HTTP/1.1 {status} Nothing\r\n\r\n".encode()
        async with run_driver(in_turn(bare, ONE)) as (driver, server):
            assert (await driver.send(HttpRequest("GET", "/", accept_status={304}), call())).body == b""
            assert (await driver.send(HttpRequest("GET", "/"), call())).body == b"one"
        assert server.connections == 1


class TestWhatIsRefused:
    @both_ways
    @pytest.mark.parametrize("status", ["101", "099", "000"])
    async def test_another_protocol_or_an_invalid_status_is_refused(self, status: str, method: str) -> None:
        answer = f"HTTP/1.1 {status} So\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"
        seen = await get_failure(answer_with(answer.encode()), method=method)
        assert isinstance(seen, AgencyMalformed)
        assert seen.detail == f"HTTP {int(status)}: no answer to what was asked"

    @both_ways
    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 200 OK\r\nX-Long: " + b"y" * 9000 + b"\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(200)) + b"Content-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\none",
        ],
        ids=["a long field", "many fields", "a null", "two lengths", "length and chunks", "below zero", "brotli"],
    )
    async def test_ambiguous_heads_are_refused(self, answer: bytes, method: str) -> None:
        assert isinstance(await get_failure(answer, method=method), AgencyMalformed)

    @pytest.mark.parametrize("coding", [b"gzip", b"gzip, chunked", b"chunked, x", b"chunky"])
    async def test_an_unrequested_transfer_coding_is_refused(self, coding: bytes) -> None:
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + coding + b"\r\n\r\n0\r\n\r\n"
        assert isinstance(await get_failure(answer_with(answer, then_hang_up=True)), AgencyMalformed)

    @both_ways
    @pytest.mark.parametrize(
        ("start", "again"),
        [
            (b"", b"\r\n" * 500),
            (b"HTTP/1.1 200 ", b"y" * 1000),
            (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 1000),
            (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
            (CHUNKED + b"1", b";x=" + b"y" * 1000),
            (CHUNKED + b"0\r\nX: ", b"y" * 1000),
        ],
        ids=["blank lines", "reason", "field", "interim replies", "chunk extension", "trailer"],
    )
    async def test_an_endless_head_is_not_read_forever(self, start: bytes, again: bytes, method: str) -> None:
        sent = 0

        async def endless(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            writer.write(start)
            while True:
                writer.write(again)
                await writer.drain()
                sent += len(again)
                await asyncio.sleep(0)

        assert isinstance(await get_failure(endless, method=method), AgencyMalformed)
        assert sent < 20_000_000

    @both_ways
    async def test_a_reset_within_the_body_is_unavailable(self, method: str) -> None:
        async def script(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
            await writer.drain()
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            writer.transport.abort()

        assert isinstance(await get_failure(script, method=method), AgencyUnavailable)

    @both_ways
    async def test_a_half_close_within_the_body_is_unavailable_immediately(self, method: str) -> None:
        async def script(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
            writer.write_eof()
            await asyncio.Event().wait()

        seen = await get_failure(script, method=method, seconds=30, deadline=30)
        assert isinstance(seen, AgencyUnavailable)
        assert seen.detail == "ClientPayloadError"


class TestKeeping:
    @pytest.mark.parametrize(
        ("answer", "connections"),
        [
            (ONE, 1),
            (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\none", 3),
            (b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\none", 3),
            (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\none", 1),
            (ONE + ONE.replace(b"one", b"two"), 3),
            (ONE + b"HTTP/1.1 2", 3),
            (ONE + b"more than was announced", 3),
            (CHUNKED + b"3\r\none\r\n0\r\n\r\nmore", 3),
        ],
        ids=["kept", "close", "1.0", "1.0 kept", "two replies", "half a second reply", "longer", "after chunks"],
    )
    async def test_a_connection_is_kept_after_a_clean_reply(self, answer: bytes, connections: int) -> None:
        async with run_driver(answer) as (driver, server):
            for _ in range(3):
                assert (await driver.send(HttpRequest("GET", "/"), call())).body == b"one"
        assert server.connections == connections

    async def test_unrequested_bytes_close_the_connection(self) -> None:
        answered = asyncio.Event()

        async def script(asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            writer.write(ONE)
            if asked.target == "/first":
                await answered.wait()
                writer.write(ONE.replace(b"one", b"bad"))
                await asyncio.Event().wait()

        async with run_driver(script) as (driver, server):
            await driver.send(HttpRequest("GET", "/first"), call())
            answered.set()
            await asyncio.wait_for(server.left.wait(), 2)
            assert (await driver.send(HttpRequest("GET", "/second"), call())).body == b"one"
        assert server.connections == 2

    async def test_a_connection_that_the_agency_closed_is_not_used(self) -> None:
        async with run_driver(ONE) as (driver, server):
            await driver.send(HttpRequest("GET", "/"), call())
            server.hang_up()
            await asyncio.wait_for(server.deserted.wait(), 2)
            assert (await driver.send(HttpRequest("GET", "/"), call())).body == b"one"
        assert (len(server.asked), server.connections) == (2, 2)

    async def test_an_idle_connection_is_closed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection, "IDLE_TIMEOUT", 0.05)
        async with run_driver(ONE) as (driver, server):
            await driver.send(HttpRequest("GET", "/"), call())
            assert len(server.writers) == 1
            await asyncio.wait_for(server.deserted.wait(), 2)
            assert (await driver.send(HttpRequest("GET", "/"), call())).body == b"one"

    async def test_a_request_on_a_connection_that_died_within_a_reply_is_not_repeated(self) -> None:
        answers = [ONE, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\non"]

        async def script(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            writer.write(answers.pop(0))
            if not answers:
                writer.close()

        async with run_driver(script) as (driver, server):
            await driver.send(HttpRequest("GET", "/"), call())
            with pytest.raises(AgencyUnavailable):
                await driver.send(HttpRequest("GET", "/"), call())
        assert (len(server.asked), server.connections) == (2, 1)

    async def test_a_connection_of_a_cancelled_call_is_closed_and_its_place_is_free(self) -> None:
        async def script(asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            writer.write(ONE[:-1] if asked.target == "/slow" else ONE.replace(b"one", b"two"))
            await (silence(asked, writer) if asked.target == "/slow" else asyncio.sleep(0))

        async with run_driver(script, connections=1) as (driver, server):
            slow = asyncio.create_task(driver.send(HttpRequest("GET", "/slow"), call()))
            await server.busy.wait()
            slow.cancel()
            with pytest.raises(asyncio.CancelledError):
                await slow
            assert (await driver.send(HttpRequest("GET", "/next"), call())).body == b"two"
            await asyncio.wait_for(server.left.wait(), 2)
        assert server.connections == 2

    async def test_a_connection_that_was_too_slow_is_closed_and_its_place_is_free(self) -> None:
        async def script(asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            writer.write(ONE[:-1] if asked.target == "/slow" else ONE.replace(b"one", b"two"))
            await (silence(asked, writer) if asked.target == "/slow" else asyncio.sleep(0))

        async with run_driver(script, connections=1) as (driver, server):
            with pytest.raises(AgencyTimeout):
                await driver.send(HttpRequest("GET", "/slow"), call(0.05))
            assert (await driver.send(HttpRequest("GET", "/next"), call())).body == b"two"
        assert server.connections == 2


class TestPlaces:
    @pytest.mark.parametrize(("first", "second"), [("GET", "POST"), ("POST", "GET")])
    async def test_both_kinds_of_connections_share_the_limit(self, first: str, second: str) -> None:
        async with run_driver(silence, connections=1) as (driver, server):
            under_way = asyncio.create_task(driver.send(HttpRequest(first, "/"), call(9)))
            await server.busy.wait()
            with pytest.raises(AgencyTimeout):
                await driver.send(HttpRequest(second, "/"), call(0.05))
            under_way.cancel()
            await asyncio.wait([under_way])
        assert [asked.method for asked in server.asked] == [first]

    @both_ways
    async def test_a_call_cancelled_while_waiting_takes_no_place(self, method: str) -> None:
        free = asyncio.Event()

        async def script(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            await free.wait()
            writer.write(ONE)

        async with run_driver(script, connections=1) as (driver, server):
            calls = [asyncio.create_task(driver.send(HttpRequest(method, f"/{n}"), call())) for n in range(3)]
            await server.busy.wait()
            calls[1].cancel()
            free.set()
            await asyncio.wait(calls)
            assert [done.cancelled() for done in calls] == [False, True, False]
        assert [asked.target for asked in server.asked] == ["/0", "/2"]

    async def test_closing_the_driver_ends_running_requests(self) -> None:
        async with run_driver(silence, connections=1) as (driver, server):
            calls = [asyncio.create_task(driver.send(HttpRequest("GET", "/"), call())) for _ in range(2)]
            await server.busy.wait()
            await driver.close()
            for under_way in calls:
                with pytest.raises(AgencyUnavailable):
                    await under_way
        assert len(server.asked) == 1
