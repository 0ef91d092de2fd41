"""The twelve checks of graphql-cop (dolevf) as tests: each sends its request and finds nothing.

The tool itself reports one finding: "GET Method Query Support". Queries may be sent by GET (GraphQL over HTTP, section
5.3). The attack behind that warning, a foreign page that makes a browser send them, is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
import pytest

from tests.journeys.hub import HubClient, RunningCity

COP = {"operationName": "cop"}


async def posted(hub: HubClient, query: str) -> tuple[Any, list[str]]:
    """Data and codes of a request as the tool sends it: by POST, with an operation name."""
    answer = await hub.post({"query": query, **COP})
    return answer.data, [code for _, code in answer.errors]


async def send(
    hub: HubClient,
    method: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,  # noqa: ANN401 - what aiohttp takes
) -> tuple[int, Any, list[str]]:
    async with aiohttp.request(method, f"{hub.url}/graphql", headers=headers, **more) as response:
        body = await response.json(content_type=None)
        return response.status, body.get("data"), [each["extensions"]["code"] for each in body.get("errors", ())]


@pytest.fixture(autouse=True)
def no_agency_was_called(city: RunningCity) -> Iterator[None]:
    """No request of the tool calls an agency."""
    city.reset_calls()
    yield
    assert city.calls() == {}


async def test_field_suggestions(wired: HubClient) -> None:
    answer = await wired.post({"query": "query cop { __schema { directive } }", **COP})
    assert answer.data is None
    assert "Did you mean" not in str(answer.body)
    near = await wired.post({"query": "query cop { citizens { nam } markts regionz }", **COP})
    assert near.data is None
    assert "Did you mean" not in str(near.body)


async def test_introspection(wired: HubClient) -> None:
    for query in (
        "query cop { __schema { types { name fields { name } } } }",
        'query cop { __type(name: "Query") { fields { name } } }',
        "query cop { ... on Query { __schema { queryType { name } } } }",
    ):
        data, codes = await posted(wired, query)
        assert (data, set(codes)) == (None, {"GRAPHQL_VALIDATION_FAILED"})


@pytest.mark.parametrize("path", ["/graphql", "/", "/graphiql", "/playground", "/console", "/altair", "/voyager"])
async def test_detect_graphiql(wired: HubClient, path: str) -> None:
    async with aiohttp.request("GET", f"{wired.url}{path}", headers={"Accept": "text/html"}) as response:
        page = await response.text()
        assert response.status == {"/graphql": 406, "/": 200}.get(path, 404)
    for word in ("graphiql.min.css", "GraphQL Playground", "GraphiQL", "graphql-playground"):
        assert word not in page


async def test_get_method_support(wired: HubClient) -> None:
    """A GET with the headers of another site's page, or with its `Origin`, runs nothing."""
    query = {"query": "query cop {__typename}"}
    for foreign in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        assert await send(wired, "GET", params=query, headers=foreign) == (403, None, ["CSRF_PREVENTED"])


@pytest.mark.parametrize("field", ["__typename", 'citizen(nik: "3171014506909001") { name }', "me { nik }"])
async def test_alias_overloading(wired: HubClient, field: str) -> None:
    aliases = " ".join(f"alias{number}: {field}" for number in range(101))
    assert await posted(wired, f"query cop {{ {aliases} }}") == (None, ["OPERATION_TOO_LARGE"])


@pytest.mark.parametrize("count", [1, 2, 10])
async def test_batch_query(wired: HubClient, count: int) -> None:
    batch = [{"query": "query cop { __typename }"}] * count
    assert await send(wired, "POST", json=batch) == (400, None, ["BAD_REQUEST"])


async def test_trace_mode(wired: HubClient) -> None:
    for asked in ({}, {"extensions": {"tracing": True, "explain": True, "trace": {}}}):
        answer = await wired.post({"query": "query cop { __typename }", **COP, **asked}, headers={"X-Tracing": "1"})
        assert answer.body == {"data": {"__typename": "Query"}}


async def test_directive_overloading(wired: HubClient) -> None:
    """Many repeated directives are reported once, so the answer does not grow with the request."""
    assert await posted(wired, f"query cop {{ __typename {'@aa' * 10} }}") == (None, ["GRAPHQL_VALIDATION_FAILED"])
    assert await posted(wired, f"query cop {{ __typename {'@aa' * 5000} }}") == (None, ["GRAPHQL_PARSE_FAILED"])
    data, codes = await posted(wired, f"query cop {{ __typename {'@include(if: true)' * 500} }}")
    assert (data, codes) == (None, ["GRAPHQL_VALIDATION_FAILED"])


async def test_circular_query_introspection(wired: HubClient) -> None:
    circle = "fields { type { " * 5 + "name" + " } }" * 5
    query = f"query cop {{ __schema {{ types {{ {circle} }} }} }}"
    data, codes = await posted(wired, query)
    assert (data, set(codes)) == (None, {"GRAPHQL_VALIDATION_FAILED"})


async def test_get_based_mutation(wired: HubClient) -> None:
    for query in ("mutation cop {__typename}", "query a {__typename} mutation cop {__typename}"):
        status, data, codes = await send(wired, "GET", params={"query": query, "operationName": "cop"})
        assert (data, codes) == (None, ["METHOD_NOT_ALLOWED"])
        assert status == 405


@pytest.mark.parametrize(
    "media_type",
    ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", "application/graphql", ""],
)
async def test_post_based_csrf(wired: HubClient, media_type: str) -> None:
    """The media types that a foreign page may send without a preflight, and a request without one."""
    for body in (b"query=query%20cop%20%7B%20__typename%20%7D", b'{"query": "query cop { __typename }"}'):
        refused = await send(wired, "POST", data=body, headers={"Content-Type": media_type})
        if media_type.startswith("multipart/"):
            assert refused == (403, None, ["CSRF_PREVENTED"])  # it may hold files, so it needs another header
        else:
            assert refused == (415, None, ["UNSUPPORTED_MEDIA_TYPE"])


async def test_unhandled_error_detection(wired: HubClient) -> None:
    answer = await wired.post({"query": "qwerty cop { abc }", **COP})
    assert answer.data is None
    (error,) = answer.body["errors"]
    assert set(error) == {"message", "locations", "extensions"}
    assert error["extensions"] == {"code": "GRAPHQL_PARSE_FAILED"}
