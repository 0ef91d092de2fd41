"""Responses of an overloaded hub over HTTP."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from auth.caller import Caller, CallerKind
from auth.tokens.unverified_claims import UnverifiedClaims
from telemetry.metrics.request_counts import RequestCounts
from tests.web.admission.overload import LATER, build_overloaded_shedder
from tests.web.conftest import GraphServer, serve_application
from tests.web.rate_limits.limited_server import build_limits
from tests.web.small_graph import SITI
from web.admission.load import Urgency
from web.admission.load_shedder import LoadShedder
from web.settings import Exposure, WebSettings

WHO = {"query": "{ whoAmI }"}
OF_SITI = "Bearer token-of-siti"
OF_BUDI = "Bearer token-of-budi"


class OfficialTokens:
    """Siti's token was verified recently; all other tokens claim to be of officials, unverified."""

    def __init__(self, lately: Mapping[str, Caller] | None = None) -> None:
        self._lately = (
            {OF_SITI: Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI)} if lately is None else lately
        )

    def find_recent_caller(self, authorization: str, _certificate: str | None) -> Caller | None:
        return self._lately.get(authorization)

    def parse_unverified_claims(self, _authorization: str) -> UnverifiedClaims | None:
        return UnverifiedClaims(CallerKind.OFFICIAL, None)


@asynccontextmanager
async def serve_overloaded(
    *lane: str,
    tokens: OfficialTokens | None = None,
    **given: Any,  # noqa: ANN401 - more for the application
) -> AsyncIterator[tuple[GraphServer, LoadShedder]]:
    """A hub that admits five requests of the emergency lane and no others; its clock stands still."""
    shedding = await build_overloaded_shedder(*lane, tokens=tokens or OfficialTokens())
    async with serve_application(WebSettings(graphiql=Exposure.ON), load_shedder=shedding, **given) as hub:
        yield hub, shedding


async def test_a_refusal_is_a_graphql_error_with_retry_after() -> None:
    async with serve_overloaded() as (hub, shedding):
        answer = await hub.post(WHO)
        assert (answer.status, answer.code) == (503, "OVERLOADED")
        assert answer.json == {
            "errors": [
                {
                    "message": "The hub is overloaded and did not start this request. Try again in 4 s.",
                    "extensions": {"code": "OVERLOADED"},
                }
            ]
        }
        assert answer.headers["Retry-After"] == "4"
        assert answer.headers["Cache-Control"] == "no-store"
        assert hub.graph.calls == []
        assert shedding.load.refused[Urgency.ANONYMOUS] == 1
        assert shedding.in_flight == 1


async def test_a_refusal_has_the_negotiated_media_type() -> None:
    async with serve_overloaded() as (hub, _):
        newer = await hub.post(WHO, Accept="application/graphql-response+json")
        assert newer.headers["Content-Type"] == "application/graphql-response+json; charset=utf-8"
        neither = await hub.post(WHO, Accept="text/html")
        assert (neither.status, neither.headers["Content-Type"]) == (503, "application/json; charset=utf-8")


async def test_the_connection_of_a_refused_request_stays_open() -> None:
    async with serve_overloaded() as (hub, _):
        reader, writer = await hub.connect()
        body = b'{"query": "{ whoAmI }"}'
        head = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        for _ in range(3):
            writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
            assert b"connection: close" not in answer
            await reader.readexactly(int(answer.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        writer.close()


async def test_refusals_are_counted_by_urgency() -> None:
    async with serve_overloaded() as (hub, shedding):
        await hub.post(WHO)
        await hub.post(WHO, Authorization=OF_BUDI)
        await hub.post(WHO, Authorization=OF_SITI)
        await hub.get("/graphql", {"query": "{ whoAmI }"})
        assert shedding.load.refused == {
            Urgency.ANONYMOUS: 2,
            Urgency.CLAIMED: 1,
            Urgency.SIGNED_IN: 1,
            Urgency.LANE: 0,
        }
        assert hub.graph.calls == []


async def test_a_verified_caller_of_the_lane_is_served() -> None:
    async with serve_overloaded("kind:citizen") as (hub, _):
        answer = await hub.post(WHO, Authorization=OF_SITI)
        assert (answer.status, answer.json) == (200, {"data": {"whoAmI": "citizen"}})


async def test_a_claimed_caller_of_the_lane_is_served_after_verification() -> None:
    async with serve_overloaded("kind:official") as (hub, shedding):
        answer = await hub.post(WHO, Authorization=OF_BUDI)
        assert (answer.status, answer.json) == (200, {"data": {"whoAmI": "official"}})
        forged = await hub.post(WHO, Authorization="Bearer forged")
        assert (forged.status, forged.code) == (401, "UNAUTHENTICATED")
        assert shedding.load.refused[Urgency.LANE] == 0


async def test_a_false_claim_of_the_lane_is_refused_before_execution() -> None:
    async with serve_overloaded("kind:official", tokens=OfficialTokens(lately={})) as (hub, shedding):
        answer = await hub.post(WHO, Authorization=OF_SITI)  # whose unverified claims say official
        assert (answer.status, answer.code) == (503, "OVERLOADED")
        assert hub.graph.calls == []
        assert shedding.load.refused[Urgency.SIGNED_IN] == 1


async def test_invalid_tokens_that_claim_the_lane_do_not_raise_the_admission_rate() -> None:
    without_requests = await build_overloaded_shedder("kind:official", tokens=OfficialTokens())
    without_requests.record_lag(LATER + 0.2, 0.0)
    async with serve_overloaded("kind:official") as (hub, shedding):
        for _ in range(40):
            assert (await hub.post(WHO, Authorization="Bearer of-nobody")).status == 401
        shedding.record_lag(LATER + 0.2, 0.0)
    assert shedding.load.limit == without_requests.load.limit
    assert shedding.in_flight == 1


async def test_an_operation_of_the_lane_is_served_for_any_caller_by_post_and_by_get() -> None:
    async with serve_overloaded("operation:shelters") as (hub, shedding):
        known = await hub.post({"documentId": "shelters"})
        assert known.status == 200  # the small graph ignores document ids
        known = await hub.get("/graphql", {"documentId": "shelters"})
        assert known.status == 200
        assert (await hub.post({"documentId": "others"})).code == "OVERLOADED"
        assert (await hub.post(WHO)).code == "OVERLOADED"
        assert (await hub.post("{")).code == "OVERLOADED"
        assert shedding.load.refused[Urgency.ANONYMOUS] == 3


async def test_the_lane_is_refused_when_it_overdraws_the_rate() -> None:
    async with serve_overloaded("kind:citizen") as (hub, shedding):
        statuses = [(await hub.post(WHO, Authorization=OF_SITI)).status for _ in range(7)]
        assert statuses == [200] * 5 + [503] * 2
        assert shedding.load.refused[Urgency.LANE] == 2


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
async def test_health_checks_are_never_refused(path: str) -> None:
    async with serve_overloaded() as (hub, _):
        assert (await hub.get(path)).status == 200


async def test_pages_are_refused_too() -> None:
    async with serve_overloaded() as (hub, shedding):
        answer = await hub.get("/graphiql")
        assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "OVERLOADED", "4")
        assert answer.headers["X-Request-Id"]
        assert (await hub.get("/graphiql", Cookie="simpul=something")).status == 503
        assert (await hub.get("/graphiql", Authorization=OF_SITI)).status == 503
        assert shedding.load.refused == {
            Urgency.ANONYMOUS: 1,
            Urgency.CLAIMED: 1,
            Urgency.SIGNED_IN: 1,
            Urgency.LANE: 0,
        }


async def test_a_refused_page_is_counted_and_logged_by_its_route(caplog: pytest.LogCaptureFixture) -> None:
    requests = RequestCounts()
    with caplog.at_level(logging.INFO, "simpul.access"):
        async with serve_overloaded(requests=requests) as (hub, _):
            for path in ("/graphiql", "/graphiql", "/nothing-that-is-served/3171014506909001"):
                assert (await hub.get(path)).status == 503
    assert {route: dict(counts.statuses) for route, counts in requests.routes.items() if counts.statuses} == {
        "/graphiql": {503: 2},
        "(no such path)": {503: 1},
    }
    assert caplog.text.count("GET /graphiql 503") == 2
    assert "3171014506909001" not in caplog.text


async def test_refused_requests_are_not_counted_against_rates_and_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    limits = build_limits("anonymous:3/1000", "citizen:3/1000")
    with caplog.at_level(logging.INFO, "simpul.access"):
        async with serve_overloaded("kind:citizen", caller_limiter=limits.caller_limiter) as (hub, _):
            statuses = [(await hub.post(WHO)).status for _ in range(5)]
            of_the_lane = await hub.post(WHO, Authorization=OF_SITI)
    assert statuses == [503] * 5
    assert '"requests";r=2;' in of_the_lane.headers["RateLimit"]
    assert caplog.text.count("POST /graphql 503") == 5


async def test_without_overload_all_requests_are_served() -> None:
    shedding = LoadShedder(max_lag=0.1, tokens=OfficialTokens())
    async with serve_application(WebSettings(), load_shedder=shedding) as hub:
        assert (await hub.post(WHO)).status == 200
        assert shedding.load.refused == dict.fromkeys(Urgency, 0)
