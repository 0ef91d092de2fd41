"""HTTP caching of `/graphql`: storing, revalidation, and requests for fresh data."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from records.calls.freshness import AnswerLifetime
from tests.web.conftest import GraphServer, ServerResponse, serve_application
from tests.web.rate_limits.limited_server import BUDI, SITI, serve_with_rates
from tests.web.small_graph import SmallGraph
from web.settings import WebSettings

ECHO = {"query": '{ echo(text: "x") }'}
OTHER = {"query": '{ echo(text: "y") }'}
WHO = {"query": "{ whoAmI }"}
ORIGIN = "https://app.example.go.id"


@pytest.fixture(autouse=True)
async def _default_lifetime(hub: GraphServer) -> AsyncIterator[None]:
    yield
    hub.graph.lifetime = SmallGraph().lifetime


def get_cache_headers(answer: ServerResponse) -> list[str]:
    """The values of `Cache-Control`."""
    values: list[str] = answer.headers.getall("cache-control")
    return values


async def test_public_data_in_a_response_to_get_is_publicly_cacheable(hub: GraphServer) -> None:
    answer = await hub.get("/graphql", ECHO)
    assert answer.json == {"data": {"echo": "x"}}
    assert get_cache_headers(answer) == ["public, max-age=60"]
    assert answer.headers.getall("vary") == ["Accept, Authorization"]
    assert "age" not in answer.headers


async def test_older_data_has_a_shorter_max_age_and_an_age(hub: GraphServer) -> None:
    hub.graph.lifetime = AnswerLifetime(age=20.5, fresh=9.5, stale_while_revalidate=30.0, stale_if_error=1800.0)
    answer = await hub.get("/graphql", ECHO)
    assert get_cache_headers(answer) == ["public, max-age=29, stale-while-revalidate=30, stale-if-error=1800"]
    assert answer.headers.getall("age") == ["20"]
    posted = await hub.post(dict(ECHO))
    assert (get_cache_headers(posted), posted.headers["age"]) == (get_cache_headers(answer), "20")


@pytest.mark.parametrize(
    ("params", "token", "said"),
    [
        (ECHO, SITI, "private, max-age=60"),
        (WHO, SITI, "private, no-cache"),
        (WHO, None, "private, no-cache"),
        (ECHO, BUDI, "no-store"),
        (WHO, BUDI, "no-store"),
        ({"query": "{ nothing }"}, None, "no-store"),
        ({"query": "mutation { count }"}, None, "no-store"),
        ({}, None, "no-store"),
        (ECHO, "Bearer stolen", "no-store"),
    ],
)
async def test_personal_data_is_private_and_errors_are_not_stored(
    hub: GraphServer,
    params: Any,  # noqa: ANN401 - what aiohttp takes
    token: str | None,
    said: str,
) -> None:
    answer = await hub.get("/graphql", params, **({} if token is None else {"Authorization": token}))
    assert get_cache_headers(answer) == [said]
    assert ("etag" in answer.headers) is (said != "no-store")


@pytest.mark.parametrize(
    ("body", "token", "said"),
    [
        (ECHO, None, "public, max-age=60"),
        (ECHO, SITI, "private, max-age=60"),
        (WHO, SITI, "private, no-store"),
        (WHO, BUDI, "no-store"),
        ({"query": "mutation { count }"}, SITI, "no-store"),
        ({"query": "{"}, None, "no-store"),
    ],
)
async def test_responses_to_post_have_a_lifetime_and_no_entity_tag(
    hub: GraphServer, body: dict[str, Any], token: str | None, said: str
) -> None:
    answer = await hub.post(body, **({} if token is None else {"Authorization": token}))
    assert get_cache_headers(answer) == [said]
    assert "etag" not in answer.headers
    again = await hub.post(body, If_None_Match="*", **({} if token is None else {"Authorization": token}))
    assert (again.status, again.body) == (answer.status, answer.body)


@pytest.mark.parametrize(("params", "token"), [(ECHO, None), (ECHO, SITI), (WHO, SITI)])
async def test_a_matching_entity_tag_gets_304_after_a_new_run(
    hub: GraphServer,
    params: Any,  # noqa: ANN401 - what aiohttp takes
    token: str | None,
) -> None:
    proof = {} if token is None else {"Authorization": token}
    first = await hub.get("/graphql", params, **proof)
    asked = len(hub.graph.calls)
    again = await hub.get("/graphql", params, If_None_Match=f'"old", W/{first.headers["etag"]}', **proof)
    assert (again.status, again.body) == (304, b"")
    assert len(hub.graph.calls) == asked + 1
    for name in ("etag", "cache-control", "vary"):
        assert again.headers.getall(name) == first.headers.getall(name)
    assert "x-request-id" in again.headers
    assert not {"content-type", "content-length", "transfer-encoding"} & {each.lower() for each in again.headers}


async def test_the_connection_stays_usable_after_a_304(hub: GraphServer) -> None:
    tag = (await hub.get("/graphql", ECHO)).headers["etag"]
    reader, writer = await hub.connect()
    for text in ("x", "z"):
        line = f"GET /graphql?query=%7Becho(text:%22{text}%22)%7D HTTP/1.1"
        lines = (line, "Host: localhost", "GraphQL-Require-Preflight: 1", f"If-None-Match: {tag}", "", "")
        writer.write("\r\n".join(lines).encode())
    assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).startswith(b"HTTP/1.1 304 ")
    assert (await asyncio.wait_for(reader.readuntil(b"}}"), 5)).endswith(b'{"data":{"echo":"z"}}')
    writer.close()


async def test_another_entity_tag_gets_the_full_response(hub: GraphServer) -> None:
    first, other = await hub.get("/graphql", ECHO), await hub.get("/graphql", OTHER)
    assert first.headers["etag"] != other.headers["etag"]
    again = await hub.get("/graphql", ECHO, If_None_Match=other.headers["etag"])
    assert (again.status, again.json) == (200, {"data": {"echo": "x"}})
    in_the_newer_type = await hub.get("/graphql", ECHO, Accept="application/graphql-response+json")
    assert in_the_newer_type.body == first.body
    assert in_the_newer_type.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize("params", [{"query": "{ nothing }"}, {}, {"query": "mutation { count }"}])
async def test_errors_are_never_answered_with_304(hub: GraphServer, params: Any) -> None:  # noqa: ANN401 - what aiohttp takes
    plain = await hub.get("/graphql", params)
    answer = await hub.get("/graphql", params, If_None_Match="*")
    assert (answer.status, answer.body) == (plain.status, plain.body)
    assert answer.body


async def test_a_response_that_is_not_stored_is_never_answered_with_304(hub: GraphServer) -> None:
    assert (await hub.get("/graphql", WHO, Authorization=BUDI, If_None_Match="*")).json == {
        "data": {"whoAmI": "official"}
    }


async def test_with_cors_responses_vary_by_origin(
    hasty_hub: GraphServer,
) -> None:
    answer = await hasty_hub.get("/graphql", ECHO)
    assert answer.headers.getall("vary") == ["Accept, Authorization, Origin"]


async def test_pages_of_trusted_origins_may_revalidate(hasty_hub: GraphServer) -> None:
    answer = await hasty_hub.get("/graphql", ECHO, Origin=ORIGIN)
    exposed = {each.strip() for each in answer.headers["Access-Control-Expose-Headers"].split(",")}
    assert {"Age", "ETag"} <= exposed
    again = await hasty_hub.get("/graphql", ECHO, Origin=ORIGIN, If_None_Match=answer.headers["etag"])
    assert (again.status, again.headers["Access-Control-Allow-Origin"]) == (304, ORIGIN)
    preflight = await hasty_hub.request(
        "OPTIONS",
        "/graphql",
        Origin=ORIGIN,
        Access_Control_Request_Method="GET",
        Access_Control_Request_Headers="if-none-match, cache-control, authorization",
    )
    assert preflight.status == 200


async def test_a_maximum_age_of_zero_disables_storing() -> None:
    async with serve_application(WebSettings(public_max_age=0)) as hub:
        answer = await hub.get("/graphql", ECHO)
    assert get_cache_headers(answer) == ["no-store"]


@pytest.mark.parametrize(
    ("said", "oldest"),
    [("no-cache", 0.0), ("max-age=0", 0.0), ("max-age=30", 30.0), ("max-age=x", float("inf")), (None, float("inf"))],
)
async def test_the_maximum_age_of_a_request_is_passed_to_the_engine(
    hub: GraphServer, said: str | None, oldest: float
) -> None:
    headers = {} if said is None else {"Cache-Control": said}
    for answer in (await hub.get("/graphql", ECHO, **headers), await hub.post(dict(ECHO), **headers)):
        assert answer.json == {"data": {"echo": "x"}}
        assert hub.graph.calls[-1].max_age == oldest


async def test_requests_for_fresh_data_have_a_separate_rate_and_are_refused_before_execution() -> None:
    async with serve_with_rates("citizen:600/6000/2", "anonymous:600/6000/1") as hub:
        plain = await hub.post(dict(WHO), Authorization=SITI)
        assert plain.headers["RateLimit-Policy"] == '"requests";q=600;w=60, "points";q=6000;w=60'
        for said in ("no-cache", "max-age=5"):
            assert (await hub.post(dict(WHO), Authorization=SITI, Cache_Control=said)).status == 200
        asked = len(hub.graph.calls)
        refused = await hub.get("/graphql", WHO, Authorization=SITI, Cache_Control="max-age=0")
        assert (refused.status, refused.code, len(hub.graph.calls)) == (429, "RATE_LIMITED", asked)
        assert refused.message == (
            "More than 2 requests for fresh data in 60 s. Send the request without 'Cache-Control: no-cache' and"
            f" 'max-age', or later. Try again in {refused.headers['Retry-After']} s."
        )
        assert 25 <= int(refused.headers["Retry-After"]) <= 30
        assert refused.headers["RateLimit-Policy"] == ('"requests";q=600;w=60, "points";q=6000;w=60, "fresh";q=2;w=60')
        assert '"fresh";r=0;t=' in refused.headers["RateLimit"]
        assert (await hub.post(dict(WHO), Authorization=SITI)).status == 200
        assert (await hub.get("/graphql", ECHO, Cache_Control="no-cache", X_Forwarded_For="198.51.100.4")).status == 200
        flood = await hub.get("/graphql", OTHER, Cache_Control="no-cache", X_Forwarded_For="198.51.100.4")
        assert (flood.status, flood.code) == (429, "RATE_LIMITED")
