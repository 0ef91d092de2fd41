import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.web.conftest import GraphServer

HEAD = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
MIB = 1024 * 1024


def build_padded_body(size: int) -> bytes:
    """A valid request of exactly this many bytes."""
    body = json.dumps({"query": "{ whoAmI }"}).encode()
    return body + b" " * (size - len(body))


async def test_reads_a_body_of_exactly_the_limit(hub: GraphServer) -> None:
    answer = await hub.post(build_padded_body(MIB))
    assert (answer.status, answer.json) == (200, {"data": {"whoAmI": "anonymous"}})


async def test_refuses_one_byte_more(hub: GraphServer) -> None:
    answer = await hub.post(build_padded_body(MIB + 1))
    assert (answer.status, answer.code) == (413, "PAYLOAD_TOO_LARGE")
    assert answer.message == (
        "The request body is 1048577 bytes; the limit is 1048576 bytes. Split it into several requests."
    )


async def test_refuses_5_mib_and_the_client_still_gets_the_response(hub: GraphServer) -> None:
    answer = await hub.post(build_padded_body(5 * MIB))
    assert (answer.status, answer.code, answer.headers["Connection"]) == (413, "PAYLOAD_TOO_LARGE", "close")


async def test_refuses_5_mib_in_chunks_without_a_length(hub: GraphServer) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(80):
            yield b" " * 65536

    async with hub.http.post("/graphql", data=chunks(), headers={"Content-Type": "application/json"}) as response:
        assert response.status == 413
        assert (await response.json())["errors"][0]["extensions"]["code"] == "PAYLOAD_TOO_LARGE"


async def test_answers_before_the_body_arrives_if_its_length_is_announced(hub: GraphServer) -> None:
    reader, writer = await hub.connect()
    writer.write(HEAD + b"Content-Length: 9999999999\r\n\r\n")
    line = await asyncio.wait_for(reader.readline(), 5)
    assert line.startswith(b"HTTP/1.1 413 ")  # Python 3.13 renamed the phrase
    writer.close()


async def test_stops_reading_a_client_that_sends_without_end(hub: GraphServer) -> None:
    reader, writer = await hub.connect()
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    answered = asyncio.create_task(reader.readline())
    sent = 0

    async def send_for_ever() -> None:
        nonlocal sent
        while sent < 512 * MIB:
            writer.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
            await writer.drain()
            sent += 65536

    with pytest.raises(ConnectionError):
        await send_for_ever()
    assert MIB < sent < 64 * MIB
    assert (await answered).startswith(b"HTTP/1.1 413 ")
    writer.close()


async def test_stops_reading_such_a_client_on_an_unknown_path(hub: GraphServer) -> None:
    reader, writer = await hub.connect()
    writer.write(b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
    answer = await asyncio.wait_for(reader.read(), 5)  # to the end: the hub closes
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"connection: close" in answer.lower()
    writer.close()


async def test_a_slow_body_times_out(hasty_hub: GraphServer) -> None:
    reader, writer = await hasty_hub.connect()
    writer.write(HEAD + b'Content-Length: 100\r\n\r\n{"query":')
    answer = await asyncio.wait_for(reader.read(), 5)
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"did not arrive within 0.3 s; 9 bytes of it arrived" in answer
    writer.close()


async def test_slowly_sent_bytes_of_a_body_do_not_extend_the_timeout(hasty_hub: GraphServer) -> None:
    reader, writer = await hasty_hub.connect()
    writer.write(HEAD + b"Content-Length: 1000\r\n\r\n")

    async def drip() -> None:
        while True:
            writer.write(b" ")
            await asyncio.sleep(0.02)

    dripping = asyncio.create_task(drip())
    assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 408 ")
    dripping.cancel()
    writer.close()


async def test_a_connection_stays_open_after_a_body_was_read(hub: GraphServer) -> None:
    reader, writer = await hub.connect()
    for _ in range(2):
        body = b'{"query":"{ whoAmI }"}'
        writer.write(HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" not in head.lower()
        await reader.readuntil(b"}}")
    writer.close()


async def test_an_ambiguous_length_is_refused(hub: GraphServer) -> None:
    for lengths in (
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 0x5\r\n",
    ):
        reader, writer = await hub.connect()
        writer.write(HEAD + lengths + b"\r\n{    }")
        assert (await asyncio.wait_for(reader.readline(), 5)) == b"HTTP/1.1 400 Bad Request\r\n"
        writer.close()
