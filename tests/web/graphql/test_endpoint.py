import asyncio
import gzip
import json
import logging

import pytest

from tests.fakes.waiting import wait_until
from tests.web.conftest import GraphServer

NEW = "application/graphql-response+json"


async def test_answers_a_post(hub: GraphServer) -> None:
    answer = await hub.post({"query": "query E($t: String!) { echo(text: $t) }", "variables": {"t": "halo"}})
    assert (answer.status, answer.body) == (200, b'{"data":{"echo":"halo"}}')
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


async def test_answers_in_the_newer_media_type_on_request(hub: GraphServer) -> None:
    answer = await hub.post({"query": "{ whoAmI }"}, Accept=NEW)
    assert answer.headers["Content-Type"] == f"{NEW}; charset=utf-8"
    assert answer.json == {"data": {"whoAmI": "anonymous"}}


async def test_answers_a_get(hub: GraphServer) -> None:
    params = {"query": "query E($t: String!) { echo(text: $t) }", "variables": '{"t": "halo"}'}
    answer = await hub.get("/graphql", params)
    assert (answer.status, answer.json) == (200, {"data": {"echo": "halo"}})


@pytest.mark.parametrize("accept", ["application/json", NEW])
async def test_refuses_a_mutation_by_get_and_names_post(hub: GraphServer, accept: str) -> None:
    answer = await hub.get("/graphql", {"query": "mutation { count }"}, Accept=accept)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert "data" not in answer.json


async def test_runs_a_mutation_by_post(hub: GraphServer) -> None:
    answer = await hub.post({"query": "mutation { count }"})
    assert answer.json == {"data": {"count": 1}}


@pytest.mark.parametrize(("accept", "status"), [("application/json", 200), ("*/*", 200), (NEW, 400)])
@pytest.mark.parametrize("query", ["{", "{ nothing }", "query E($t: String!) { echo(text: $t) }"])
async def test_request_errors_get_the_status_of_their_media_type_and_no_data(
    hub: GraphServer, query: str, accept: str, status: int
) -> None:
    answer = await hub.post({"query": query}, Accept=accept)
    assert answer.status == status
    assert list(answer.json) == ["errors"]


@pytest.mark.parametrize("accept", ["application/json", NEW])
async def test_an_invalid_body_is_400_in_either_media_type(hub: GraphServer, accept: str) -> None:
    for body in (b"null", b"5", b'"x"', b"[1,2]", b"\xff\xfe", b'{"query":', b'{"query":5}', b""):
        answer = await hub.post(body, Accept=accept)
        assert (answer.status, answer.code) == (400, "BAD_REQUEST"), body
        assert answer.headers["Content-Type"].startswith(accept)


async def test_refuses_an_unsupported_accept_header(hub: GraphServer) -> None:
    answer = await hub.post({"query": "{ whoAmI }"}, Accept="text/html")
    assert (answer.status, answer.code) == (406, "NOT_ACCEPTABLE")
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


async def test_refuses_bodies_of_other_types(hub: GraphServer) -> None:
    answer = await hub.post('{"query": "{ whoAmI }"}', Content_Type="text/plain")
    assert (answer.status, answer.code) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_refuses_compressed_bodies_unread(hub: GraphServer) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    answer = await hub.post(bomb, Content_Encoding="gzip")
    assert (answer.status, answer.code) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert answer.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "BREW"])
async def test_refuses_other_methods(hub: GraphServer, method: str) -> None:
    answer = await hub.request(method, "/graphql")
    if method == "BREW":  # not an HTTP method: the parser refuses it
        assert answer.status == 400
        return
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, POST")
    assert method == "HEAD" or answer.code == "METHOD_NOT_ALLOWED"


async def test_refuses_a_get_that_a_foreign_page_made(hub: GraphServer) -> None:
    answer = await hub.get("/graphql", {"query": "{ whoAmI }"}, Sec_Fetch_Site="cross-site")
    assert (answer.status, answer.code) == (403, "CSRF_PREVENTED")


async def test_passes_the_verified_caller_to_the_engine(hub: GraphServer) -> None:
    answer = await hub.post({"query": "{ whoAmI }"}, Authorization="Bearer token-of-siti")
    assert answer.json == {"data": {"whoAmI": "citizen"}}


async def test_refuses_an_invalid_token_before_reading_the_request(hub: GraphServer) -> None:
    asked = len(hub.graph.calls)
    answer = await hub.post(b"not even JSON", Authorization="Bearer stolen")
    assert (answer.status, answer.code) == (401, "UNAUTHENTICATED")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.message == "The token is unknown. Get a new one."
    assert len(hub.graph.calls) == asked


async def test_refuses_two_tokens(hub: GraphServer) -> None:
    headers = [("Authorization", "Bearer token-of-siti"), ("Authorization", "Bearer token-of-budi")]
    async with hub.http.post("/graphql", json={"query": "{ whoAmI }"}, headers=headers) as response:
        assert response.status == 401


async def test_gives_the_engine_the_callers_request_id_and_a_deadline(hub: GraphServer) -> None:
    answer = await hub.post({"query": "{ whoAmI }"}, X_Request_Id="from-the-gateway-1")
    assert answer.headers["X-Request-Id"] == "from-the-gateway-1"
    call = hub.graph.calls[-1]
    assert call.request_id == "from-the-gateway-1"
    assert 0 < call.remaining() <= 20


async def test_ends_a_request_that_the_engine_does_not_answer_in_time(hasty_hub: GraphServer) -> None:
    answer = await hasty_hub.post({"query": "{ slow }"})
    assert (answer.status, answer.code) == (504, "DEADLINE_EXCEEDED")
    await asyncio.wait_for(hasty_hub.graph.cancelled.wait(), 5)


async def test_cancels_the_work_when_the_client_disconnects(hub: GraphServer, caplog: pytest.LogCaptureFixture) -> None:
    hub.graph.started.clear()
    hub.graph.cancelled.clear()
    body = json.dumps({"query": "{ slow }"}).encode()
    _reader, writer = await hub.connect()
    writer.write(
        b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        % (len(body), body)
    )
    await asyncio.wait_for(hub.graph.started.wait(), 5)
    assert not hub.graph.cancelled.is_set()
    with caplog.at_level(logging.INFO, "simpul"):
        writer.close()
        await asyncio.wait_for(hub.graph.cancelled.wait(), 5)
        await wait_until(lambda: "POST /graphql 499" in caplog.text)
    names = {record.name for record in caplog.records}
    assert names - {"simpul.snapshots"} == {"simpul.access"}  # no incident; other hubs of the process may load
    assert "POST /graphql 499" in caplog.text


async def test_a_client_that_disconnects_while_it_sends_is_no_incident(
    hub: GraphServer, caplog: pytest.LogCaptureFixture
) -> None:
    _reader, writer = await hub.connect()
    with caplog.at_level(logging.INFO, "simpul"):
        writer.write(
            b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b'Content-Length: 100\r\n\r\n{"query":'
        )
        await writer.drain()
        writer.close()
        await wait_until(lambda: bool(caplog.records))
    assert [record.name for record in caplog.records] == ["simpul.access"]


async def test_a_trailing_slash_is_not_found(hub: GraphServer) -> None:
    answer = await hub.get("/graphql/", {"query": "{ whoAmI }"})
    assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert "Location" not in answer.headers


async def test_refuses_an_unknown_host_first(hub: GraphServer) -> None:
    asked = len(hub.graph.calls)
    answer = await hub.post({"query": "{ whoAmI }"}, Host="evil.example", Accept="text/html")
    assert (answer.status, answer.code) == (421, "MISDIRECTED_REQUEST")
    assert len(hub.graph.calls) == asked


async def test_serves_two_pipelined_requests_in_order(hub: GraphServer) -> None:
    reader, writer = await hub.connect()
    for text in ("one", "two"):
        body = json.dumps({"query": f'{{ echo(text: "{text}") }}'}).encode()
        writer.write(
            b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
    for heard in (b"one", b"two"):
        assert (await asyncio.wait_for(reader.readuntil(b"}}"), 5)).endswith(b'{"data":{"echo":"%b"}}' % heard)
    writer.close()
