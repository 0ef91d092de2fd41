import asyncio

import pytest

from tests.web.conftest import GraphServer
from web.http_errors import HttpError, HttpErrorCode
from web.middleware.hosts import check_host

NAMES = ("localhost", "127.0.0.1", "[::1]")


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "LOCALHOST", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:8000"]
)
def test_allows_the_hubs_names_with_any_port(host: str) -> None:
    check_host(host, NAMES)


@pytest.mark.parametrize(
    "host",
    [
        "",
        ":8000",
        "evil.example",
        "localhost.evil.example",
        "localhost:x",
        "localhost:80:80",
        "localhost:\u00b2",
        "localhost:65536",
        f"localhost:{'1' * 5000}",
        "::1",
        "localhost.",
    ],
)
def test_refuses_any_other_name_without_repeating_it(host: str) -> None:
    with pytest.raises(HttpError) as refused:
        check_host(host, NAMES)
    assert refused.value.code is HttpErrorCode.MISDIRECTED_REQUEST
    assert not host or host not in refused.value.message


async def test_a_page_that_rebinds_its_name_to_the_hub_reads_nothing(hub: GraphServer) -> None:
    answer = await hub.get("/graphiql/examples.json", Host=f"evil.example:{hub.port}")
    assert (answer.status, answer.code) == (421, "MISDIRECTED_REQUEST")


async def request_status(hub: GraphServer, head: bytes) -> int:
    """The status of the response to a request with these first lines."""
    reader, writer = await hub.connect()
    writer.write(head + b"\r\nConnection: close\r\n\r\n")
    line = await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    await writer.wait_closed()
    return int(line.split()[1])


@pytest.mark.parametrize("host", ["10.244.0.7:8000", "[fd00::7]:8000", "hub-6c9f.simpul.svc", "evil.example"])
async def test_only_monitoring_paths_are_served_under_any_name(hub: GraphServer, host: str) -> None:
    for path, status in (
        ("/health/live", 200),
        ("/health/ready", 200),
        ("/graphql", 421),
        ("/", 421),
        ("/health/", 421),
    ):
        assert (path, await request_status(hub, f"GET {path} HTTP/1.1\r\nHost: {host}".encode())) == (path, status)


async def test_monitoring_needs_one_host_header_except_in_http_1_0(hub: GraphServer) -> None:
    live = b"GET /health/live HTTP/1."
    assert await request_status(hub, live + b"1\r\nX: y") == 400
    assert await request_status(hub, live + b"1\r\nHost: a\r\nHost: b") == 400
    assert await request_status(hub, live + b"0\r\nX: y") == 200
    assert await request_status(hub, live + b"0\r\nHost: a\r\nHost: b") == 400


async def test_a_request_with_two_host_headers_is_refused(hub: GraphServer) -> None:
    reader, writer = await hub.connect()
    writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
    assert (await asyncio.wait_for(reader.readline(), 5)) == b"HTTP/1.1 400 Bad Request\r\n"
    writer.close()
