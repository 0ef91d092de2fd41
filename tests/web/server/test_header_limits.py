import asyncio
import contextlib
import json
import logging

import pytest

from tests.fakes.waiting import wait_until
from tests.web.conftest import GraphServer


async def read_to_end(reader: asyncio.StreamReader) -> bytes:
    """All bytes until the hub closes the connection."""
    return await asyncio.wait_for(reader.read(), 5)


async def test_an_endless_header_times_out(hasty_hub: GraphServer) -> None:
    reader, writer = await hasty_hub.connect()
    writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n")
    answer = await read_to_end(reader)
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert answer.endswith(b"The request's header did not arrive within 0.3 s.")
    writer.close()


@pytest.mark.parametrize("dripped", [b"X-A: b\r\n", b"\r\n", b"G"])
async def test_slowly_sent_bytes_do_not_extend_the_timeout(hasty_hub: GraphServer, dripped: bytes) -> None:
    reader, writer = await hasty_hub.connect()
    if dripped != b"\r\n":
        writer.write(b"GET /health/live HTTP/1.1\r\nX-Long: ")

    async def drip() -> None:
        while True:
            writer.write(dripped)
            await asyncio.sleep(0.02)

    dripping = asyncio.create_task(drip())
    with contextlib.suppress(ConnectionResetError):  # a reset closes, too
        await read_to_end(reader)
    dripping.cancel()
    writer.close()


async def test_a_silent_connection_is_closed(hasty_hub: GraphServer) -> None:
    reader, writer = await hasty_hub.connect()
    assert await read_to_end(reader) == b""
    writer.close()


async def test_a_connection_that_is_silent_after_a_request_is_closed(hasty_hub: GraphServer) -> None:
    reader, writer = await hasty_hub.connect()
    writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await read_to_end(reader)).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()


async def test_the_second_request_of_a_connection_has_the_same_timeout(hasty_hub: GraphServer) -> None:
    reader, writer = await hasty_hub.connect()
    writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await asyncio.wait_for(reader.readuntil(b"}"), 5)).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.write(b"GET /health/live HTTP/1.1\r\n")
    assert (await read_to_end(reader)).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    writer.close()


@pytest.mark.parametrize(
    "header",
    [
        b"GET /graphql?query=" + b"x" * 5000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"x" * 5000 + b"\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: b\r\n" * 1000 + b"\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Never-Ending: " + b"x" * 5000,
        b"GET /" + b"x" * 5000,
    ],
)
async def test_a_header_over_the_limit_is_refused(hasty_hub: GraphServer, header: bytes) -> None:
    reader, writer = await hasty_hub.connect()
    writer.write(header)
    answer = await read_to_end(reader)
    assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"larger than 4096 bytes" in answer
    writer.close()


@pytest.mark.parametrize("rubbish", [b"\x16\x03\x01\x02\x00\x01\x00", b"hello\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"])
async def test_bytes_that_are_not_http_are_refused(hasty_hub: GraphServer, rubbish: bytes) -> None:
    reader, writer = await hasty_hub.connect()
    writer.write(rubbish)
    assert (await read_to_end(reader)).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    writer.close()


async def test_a_client_that_does_not_read_its_response_is_disconnected(hasty_hub: GraphServer) -> None:
    fields = " ".join(f"a{n}: echo(text: $t)" for n in range(40))
    query = f"query E($t: String!) {{ {fields} }}"
    body = json.dumps({"query": query, "variables": {"t": "x" * 900_000}}).encode()  # the response has 36 MB
    _reader, writer = await hasty_hub.connect()
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # every socket transport has it
    writer.write(
        b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    await writer.drain()
    client = writer.get_extra_info("sockname")
    assert hasty_hub.has_connection(client)
    await wait_until(lambda: not hasty_hub.has_connection(client))
    writer.close()


async def test_too_large_a_header_is_logged_without_its_text(
    hasty_hub: GraphServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        reader, writer = await hasty_hub.connect()
        writer.write(b"GET /graphql?query=3171014506900001" + b"x" * 5000 + b" HTTP/1.1\r\n\r\n")
        await read_to_end(reader)
        writer.close()
    assert "3171014506900001" not in caplog.text


CHUNKED = (
    b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'18\r\n{"query":"{__typename}"}\r\n0'
)


async def test_trailers_after_a_body_do_not_become_headers(hub: GraphServer) -> None:
    reader, writer = await hub.connect()
    writer.write(CHUNKED + b"\r\nAuthorization: Bearer x\r\nAccept: text/html\r\nX-Request-Id: from-behind\r\n\r\n")
    answer = await asyncio.wait_for(reader.readuntil(b"}}"), 5)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"from-behind" not in answer
    writer.close()


@pytest.mark.parametrize("endless", [b"\r\nX-A: ", b";x="], ids=["a trailer", "an extension of a chunk"])
async def test_endless_trailers_and_chunk_extensions_are_refused(hub: GraphServer, endless: bytes) -> None:
    reader, writer = await hub.connect()
    writer.write(CHUNKED + endless)
    with contextlib.suppress(ConnectionError):
        for _ in range(40):
            writer.write(b"x" * 65_536)
            await writer.drain()
    with contextlib.suppress(ConnectionError):
        assert b"200 OK" not in await read_to_end(reader)
    assert writer.transport.is_closing() or reader.at_eof()
    writer.close()


@pytest.mark.parametrize("begun", [b"", b'18\r\n{"query":"{__typename}"}\r\n'], ids=["first chunk", "second chunk"])
@pytest.mark.parametrize("broken", [b"zz\r\n", b"-5\r\n", b"5\r\nabcdefgh\r\n", b"\x00"])
async def test_a_body_with_invalid_framing_is_refused(hub: GraphServer, begun: bytes, broken: bytes) -> None:
    asked = len(hub.graph.calls)
    reader, writer = await hub.connect()
    header, _, _ = CHUNKED.partition(b"18\r\n")
    writer.write(header + begun + broken)
    answer = await read_to_end(reader)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.endswith(b"The request's body has invalid HTTP/1.1 framing (RFC 9112, section 7).")
    assert answer.count(b"HTTP/1.1 4") == 1
    assert len(hub.graph.calls) == asked
    writer.close()


async def test_invalid_framing_after_the_response_began_gets_no_second_response(hub: GraphServer) -> None:
    reader, writer = await hub.connect()
    writer.write(b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert head.startswith(b"HTTP/1.1 404 ")
    writer.write(b"zz\r\n")
    assert b"HTTP/1.1 400" not in await read_to_end(reader)
    writer.close()


async def test_one_timer_serves_many_requests_of_a_connection(hasty_hub: GraphServer) -> None:
    reader, writer = await hasty_hub.connect()
    for _ in range(8):  # longer than the header timeout
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await asyncio.wait_for(reader.readuntil(b"}"), 5)).startswith(b"HTTP/1.1 200 OK\r\n")
        await asyncio.sleep(0.05)
    writer.write(b"GET /health/live HTTP/1.1\r\n")
    assert (await read_to_end(reader)).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    writer.close()


async def test_a_body_in_many_small_chunks_is_accepted(hub: GraphServer) -> None:
    reader, writer = await hub.connect()
    header, _, _ = CHUNKED.partition(b"18\r\n")
    blanks = b"1;of=many\r\n \r\n" * 40_000
    writer.write(header + blanks + CHUNKED.removeprefix(header) + b"\r\n\r\n")
    assert (await asyncio.wait_for(reader.readuntil(b"}}"), 5)).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()
