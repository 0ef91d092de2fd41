"""The origins whose pages may read answers: those that are named and, in development, those of the loopback."""

from collections.abc import AsyncIterator

import pytest

from tests.web.conftest import GraphServer, serve_application
from web.settings import AllowedOrigins, WebSettings

PREFLIGHT = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "authorization,content-type"}


@pytest.fixture(scope="module")
async def development_hub() -> AsyncIterator[GraphServer]:
    async with serve_application(WebSettings(development=True, allows_loopback_origins=True)) as running:
        yield running


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:5173", "http://localhost", "https://localhost:8443", "http://127.0.0.1:3000", "http://[::1]:80"],
)
def test_an_origin_of_the_loopback_is_allowed_on_every_port_where_the_loopback_is(origin: str) -> None:
    assert origin in AllowedOrigins((), loopback=True)
    assert origin not in AllowedOrigins((), loopback=False)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "https://evil.example",
        "http://localhost.evil.example",
        "http://evil.example/localhost",
        "http://localhost:5173.evil.example",
        "http://localhost@evil.example",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.2:80",
        "http://10.0.0.1:8000",
        "http://localhost:5173\n",
        "http://LOCALHOST:5173",
        "file://localhost",
    ],
)
def test_every_other_origin_is_not(origin: str) -> None:
    assert origin not in AllowedOrigins((), loopback=True)


async def test_a_local_frontend_reads_answers_in_development(development_hub: GraphServer) -> None:
    origin = "http://localhost:5173"

    preflight = await development_hub.request("OPTIONS", "/graphql", Origin=origin, **PREFLIGHT)
    answer = await development_hub.post({"query": "{ whoAmI }"}, Origin=origin, Authorization="Bearer token-of-siti")

    assert (preflight.status, preflight.headers["Access-Control-Allow-Origin"]) == (200, origin)
    assert answer.json == {"data": {"whoAmI": "citizen"}}
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_a_page_of_another_site_reads_nothing_in_development(development_hub: GraphServer) -> None:
    origin = "https://evil.example"

    preflight = await development_hub.request("OPTIONS", "/graphql", Origin=origin, **PREFLIGHT)
    answer = await development_hub.post({"query": "{ whoAmI }"}, Origin=origin)

    assert (preflight.status, "Access-Control-Allow-Origin" in preflight.headers) == (400, False)
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_outside_development_a_local_frontend_reads_nothing(hub: GraphServer) -> None:
    origin = "http://localhost:5173"

    preflight = await hub.request("OPTIONS", "/graphql", Origin=origin, **PREFLIGHT)
    answer = await hub.post({"query": "{ whoAmI }"}, Origin=origin)

    assert "Access-Control-Allow-Origin" not in preflight.headers
    assert "Access-Control-Allow-Origin" not in answer.headers
