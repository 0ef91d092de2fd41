"""Access to `/metrics`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from telemetry.metrics.request_counts import RequestCounts
from tests.web.conftest import GraphServer, serve_application
from web.endpoints.metrics import MetricsEndpoint
from web.settings import WebSettings

TOKEN = "c2l4dGVlbi1ieXRlcy1ub3QtZW5vdWdoLXNvLW1vcmU="
ACCEPTED: list[str] = []
"""The `Accept` header of each request that got metrics."""


async def render_metrics(accept: str) -> tuple[bytes, str]:
    ACCEPTED.append(accept)
    return b"simpul_workers 1.0\n", "text/plain; version=0.0.4; charset=utf-8"


@pytest.fixture(scope="module")
async def hub() -> AsyncIterator[GraphServer]:
    async with serve_application(WebSettings(), endpoints=[MetricsEndpoint(render_metrics, token=TOKEN)]) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_requests() -> None:
    ACCEPTED.clear()


async def test_the_token_gives_access_and_metrics_are_not_cached(hub: GraphServer) -> None:
    answer = await hub.get("/metrics", Authorization=f"Bearer {TOKEN}", Accept="text/plain;version=0.0.4")
    assert (answer.status, answer.body) == (200, b"simpul_workers 1.0\n")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert ACCEPTED == ["text/plain;version=0.0.4"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Bearer {TOKEN} x"},
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer"},
        {"X_Forwarded_For": "127.0.0.1"},
    ],
)
async def test_without_the_token_access_is_refused_and_nothing_is_collected(
    hub: GraphServer, headers: dict[str, str]
) -> None:
    answer = await hub.get("/metrics", **headers)
    assert (answer.status, answer.code) == (401, "UNAUTHENTICATED")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "simpul_workers" not in answer.body.decode()
    assert ACCEPTED == []


async def test_without_a_token_in_production_there_is_no_such_path() -> None:
    async with serve_application(WebSettings()) as hub:
        assert (await hub.get("/metrics")).code == "NOT_FOUND"


async def test_metrics_are_read_only(hub: GraphServer) -> None:
    assert (await hub.request("POST", "/metrics", Authorization=f"Bearer {TOKEN}")).code == "METHOD_NOT_ALLOWED"


async def test_each_request_is_counted_once_by_route_and_status() -> None:
    counts = RequestCounts()
    async with serve_application(WebSettings(), requests=counts) as hub:
        await hub.post({"query": "{ hello }"})
        await hub.post("no json")
        await hub.get("/health/live")
        await hub.get("/nowhere/3171014506909001")
    assert {route: (dict(each.statuses), each.durations.count) for route, each in counts.routes.items()} == {
        "/graphql": ({200: 1, 400: 1}, 2),
        "/health/live": ({200: 1}, 1),
        "(no such path)": ({404: 1}, 1),
    }
    assert counts.in_flight == 0
