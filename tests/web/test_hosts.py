import asyncio

import pytest

from tests.web.conftest import Hub
from web.hosts import check_host
from web.refusals import Code, Refusal

NAMES = ("localhost", "127.0.0.1", "[::1]")


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "LOCALHOST", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:8000"]
)
def test_serves_under_its_own_names_at_any_port(host: str) -> None:
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
        "::1",
        "localhost.",
    ],
)
def test_refuses_any_other_name_without_repeating_it(host: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_host(host, NAMES)
    assert refused.value.code is Code.MISDIRECTED_REQUEST
    assert not host or host not in refused.value.message


async def test_a_page_that_points_its_own_name_at_the_hub_reads_nothing(hub: Hub) -> None:
    answer = await hub.get("/graphiql/examples.json", Host=f"evil.example:{hub.port}")
    assert (answer.status, answer.code) == (421, "MISDIRECTED_REQUEST")


async def test_a_request_that_names_two_hosts_is_refused(hub: Hub) -> None:
    reader, writer = await hub.connect()
    writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
    assert (await asyncio.wait_for(reader.readline(), 5)) == b"HTTP/1.1 400 Bad Request\r\n"
    writer.close()
