import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.web.conftest import GraphServer
from web.server.single_write_response import RequestCycle

BODY = b'{"query":"{ __typename }"}'


def build_request(*lines: bytes, body: bytes = BODY, version: bytes = b"1.1") -> bytes:
    """The bytes of a request."""
    head = [b"POST /graphql HTTP/" + version, b"Host: localhost", b"Content-Type: application/json", *lines]
    return b"\r\n".join([*head, b"Content-Length: %d" % len(body), b"", body])


async def read_answer(reader: asyncio.StreamReader) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Status line, headers and body of the next response."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    status, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    headers = dict(line.split(b": ", 1) for line in lines)
    assert len(headers) == len(lines)
    return status, headers, await reader.readexactly(int(headers[b"content-length"]))


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each offered single write was accepted."""
    took: list[bool] = []
    write: Callable[..., bool] = RequestCycle.write_response

    def noted(*given: Any) -> bool:  # noqa: ANN401 - as `write_response`
        took.append(write(*given))
        return took[-1]

    monkeypatch.setattr(RequestCycle, "write_response", noted)
    return took


async def test_a_single_write_sends_the_same_response_as_pieces(hub: GraphServer, written: list[bool]) -> None:
    reader, writer = await hub.connect()
    same = b"X-Request-Id: the-same-id"
    writer.write(build_request(same))
    whole = await read_answer(reader)
    writer.write(build_request(same, b"Connection: close"))
    pieces = await read_answer(reader)
    assert written == [True, False]
    assert pieces[1].pop(b"connection") == b"close"
    del whole[1][b"date"], pieces[1][b"date"]
    assert whole == pieces
    assert whole[0] == b"HTTP/1.1 200 OK"
    assert json.loads(whole[2])["data"] == {"__typename": "Query"}
    writer.close()


async def test_pipelined_requests_are_answered_in_order(hub: GraphServer, written: list[bool]) -> None:
    reader, writer = await hub.connect()
    writer.write(b"".join(build_request(b"X-Request-Id: number-%d" % number) for number in range(1, 6)))
    ids = [(await read_answer(reader))[1][b"x-request-id"] for _ in range(5)]
    assert ids == [b"number-1", b"number-2", b"number-3", b"number-4", b"number-5"]
    assert written == [True] * 5
    writer.close()


async def test_an_http_1_0_client_gets_its_response_and_the_connection_closes(
    hub: GraphServer, written: list[bool]
) -> None:
    reader, writer = await hub.connect()
    writer.write(build_request(version=b"1.0"))
    status, headers, _ = await read_answer(reader)
    assert (status, headers[b"connection"]) == (b"HTTP/1.1 200 OK", b"close")
    assert await asyncio.wait_for(reader.read(), 5) == b""
    assert written == [False]
    writer.close()


async def test_a_client_that_expects_100_continue_gets_it(hub: GraphServer, written: list[bool]) -> None:
    reader, writer = await hub.connect()
    head, _, body = build_request(b"Expect: 100-continue").partition(b"\r\n\r\n")
    writer.write(head + b"\r\n\r\n")
    assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5) == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body)
    assert (await read_answer(reader))[0] == b"HTTP/1.1 200 OK"
    assert written == [True]
    writer.close()


async def test_a_refusal_with_own_headers_is_a_single_write_too(hub: GraphServer, written: list[bool]) -> None:
    answer = await hub.request("PUT", "/graphql")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, POST")
    answer = await hub.post("{")
    assert answer.status == 400
    assert written == [True, True]


async def test_a_connection_stays_usable_after_a_single_write(hub: GraphServer, written: list[bool]) -> None:
    reader, writer = await hub.connect()
    for _ in range(3):
        writer.write(build_request())
        assert (await read_answer(reader))[0] == b"HTTP/1.1 200 OK"
    writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).startswith(b"HTTP/1.1 200 OK\r\n")
    assert written == [True] * 3
    writer.close()
