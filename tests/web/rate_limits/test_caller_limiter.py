"""Rate limits over HTTP; each request of the small graph costs 100 points."""

from __future__ import annotations

import re
from functools import partial

import pytest

from cache.limits.rate_limiter import RateLimiter
from tests.web.conftest import ServerResponse
from tests.web.rate_limits.limited_server import BUDI, SITI, serve_with_rates
from web.settings import Exposure

WHO = {"query": "{ whoAmI }"}
LEFT = re.compile(r'"requests";r=(\d+);t=(\d+)(?:, "points";r=(\d+);t=(\d+))?')


@pytest.fixture(autouse=True)
def _stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """No rate refills, however slow the machine is."""
    monkeypatch.setattr("web.rate_limits.build.RateLimiter", partial(RateLimiter, clock=lambda: 1_000.0))


def parse_remaining(answer: ServerResponse) -> list[int | None]:
    """Remaining requests and their seconds, remaining points and their seconds."""
    found = LEFT.fullmatch(answer.headers["RateLimit"])
    assert found is not None
    return [None if each is None else int(each) for each in found.groups()]


async def test_every_response_has_the_rates_and_the_remaining_limits() -> None:
    async with serve_with_rates("citizen:600/6000", "anonymous:100/1000") as hub:
        answer = await hub.post(WHO, Authorization=SITI)
        assert answer.headers["RateLimit-Policy"] == '"requests";q=600;w=60, "points";q=6000;w=60'
        assert parse_remaining(answer) == [599, 1, 5900, 1]
        assert parse_remaining(await hub.post(WHO, Authorization=SITI))[2] == 5800
        strangers = await hub.post(WHO)
        assert strangers.headers["RateLimit-Policy"] == '"requests";q=100;w=60, "points";q=1000;w=60'
        assert parse_remaining(strangers) == [99, 1, 900, 6]


async def test_a_request_beyond_the_rate_is_refused_with_retry_after_and_not_executed() -> None:
    async with serve_with_rates("citizen:2/600000") as hub:
        for _ in range(2):
            assert (await hub.post(WHO, Authorization=SITI)).status == 200
        asked = len(hub.graph.calls)
        answer = await hub.post(WHO, Authorization=SITI)
        assert (answer.status, answer.code) == (429, "RATE_LIMITED")
        assert answer.message == f"More than 2 requests in 60 s. Try again in {answer.headers['Retry-After']} s."
        assert answer.headers["Retry-After"] == "30"
        assert parse_remaining(answer)[0] == 0
        assert "data" not in answer.json
        assert len(hub.graph.calls) == asked
        assert (await hub.post(WHO, Authorization=BUDI)).status == 200


async def test_an_operation_beyond_the_remaining_points_is_refused_before_execution() -> None:
    async with serve_with_rates("citizen:600/250") as hub:
        for _ in range(2):
            assert (await hub.post(WHO, Authorization=SITI)).status == 200
        answer = await hub.post(WHO, Authorization=SITI)
        assert (answer.status, answer.code) == (429, "RATE_LIMITED")
        assert answer.message.startswith(
            "The operation is expected to cost 100 points, more than are left of 250 in 60 s. Try again in "
        )
        assert answer.headers["Retry-After"] == "12"
        assert len(hub.graph.calls) == 2


async def test_an_unreadable_request_counts_and_gets_the_rate_limit_headers() -> None:
    async with serve_with_rates("anonymous:2/1000") as hub:
        answer = await hub.post("[]")
        assert (answer.status, answer.code, parse_remaining(answer)[:1]) == (400, "BAD_REQUEST", [1])
        assert parse_remaining(answer)[2:] == [None, None]
        assert (await hub.post("no json")).code == "BAD_REQUEST"
        assert (await hub.post(WHO)).code == "RATE_LIMITED"


async def test_people_are_limited_by_their_identity_at_any_address() -> None:
    async with serve_with_rates("citizen:1/1000") as hub:
        assert (await hub.post(WHO, Authorization=SITI, X_Forwarded_For="198.51.100.4")).status == 200
        assert (await hub.post(WHO, Authorization=SITI, X_Forwarded_For="198.51.100.5")).status == 429


async def test_anonymous_callers_are_limited_by_address() -> None:
    async with serve_with_rates("anonymous:1/1000") as hub:
        assert (await hub.post(WHO, X_Forwarded_For="198.51.100.4")).status == 200
        assert (await hub.post(WHO, X_Forwarded_For="8.8.8.8, 198.51.100.4")).status == 429
        assert (await hub.post(WHO, X_Forwarded_For="198.51.100.5")).status == 200
        assert (await hub.post(WHO, X_Forwarded_For="2001:db8::1")).status == 200
        assert (await hub.post(WHO, X_Forwarded_For="2001:db8::2")).status == 429


async def test_a_publicly_cacheable_response_has_no_rate_limit_headers() -> None:
    async with serve_with_rates() as hub:
        answer = await hub.get("/graphql", {"query": '{ echo(text: "a") }'}, GraphQL_Require_Preflight="true")
        assert answer.headers["Cache-Control"] == "public, max-age=60"
        assert "RateLimit" not in answer.headers
        own = await hub.get("/graphql", {"query": "{ whoAmI }"}, GraphQL_Require_Preflight="true")
        assert "RateLimit" in own.headers


async def test_pages_of_trusted_origins_may_read_the_rate_limit_headers() -> None:
    origin = "https://app.example.go.id"
    async with serve_with_rates("anonymous:1/1000", allowed_origins=(origin,)) as hub:
        answer = await hub.post(WHO, Origin=origin)
        exposed = {each.strip() for each in answer.headers["Access-Control-Expose-Headers"].split(",")}
        assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= exposed
        assert parse_remaining(answer)[0] == 0
        refused = await hub.post(WHO, Origin=origin)
        assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (429, origin)


async def test_pages_and_unknown_paths_are_limited_by_address_and_health_checks_are_not() -> None:
    async with serve_with_rates("anonymous:3/1000", graphiql=Exposure.ON) as hub:
        statuses = [(await hub.get(path)).status for path in ("/graphiql", "/nothing", "/", "/graphiql", "/nothing")]
        assert statuses == [200, 404, 404, 429, 429]
        refused = await hub.get("/graphiql")
        assert refused.code == "RATE_LIMITED"
        assert int(refused.headers["Retry-After"]) >= 1
        for _ in range(10):
            assert (await hub.get("/health/live")).status == 200
        assert (await hub.get("/health/ready")).status == 200


async def test_without_rates_nothing_is_counted_and_no_header_is_sent() -> None:
    async with serve_with_rates("off") as hub:
        for _ in range(20):
            answer = await hub.post(WHO)
            assert answer.status == 200
            assert "RateLimit" not in answer.headers
            assert "RateLimit-Policy" not in answer.headers


async def test_invalid_tokens_are_counted_by_address() -> None:
    async with serve_with_rates(failed=2) as hub:
        codes = [(await hub.post(WHO, Authorization=f"Bearer guess-{each}")).code for each in range(4)]
        assert codes == ["UNAUTHENTICATED", "UNAUTHENTICATED", "RATE_LIMITED", "RATE_LIMITED"]
        answer = await hub.post(WHO, Authorization="Bearer guess-5")
        assert answer.status == 429
        assert answer.message == (
            "More than 2 invalid tokens came from this address in 60 s, so new tokens are not verified."
            f" Try again in {answer.headers['Retry-After']} s."
        )
        elsewhere = await hub.post(WHO, Authorization="Bearer guess-6", X_Forwarded_For="198.51.100.4")
        assert elsewhere.code == "UNAUTHENTICATED"


async def test_after_guesses_from_an_address_verified_tokens_still_work_and_new_ones_are_refused() -> None:
    async with serve_with_rates(failed=1) as hub:
        await hub.post(WHO, Authorization="Bearer guess")
        assert (await hub.post(WHO, Authorization=SITI)).json["data"] == {"whoAmI": "citizen"}
        assert (await hub.post(WHO, Authorization=BUDI)).code == "RATE_LIMITED"
        assert (await hub.post(WHO)).json["data"] == {"whoAmI": "anonymous"}


@pytest.mark.parametrize("times", [1, 5])
async def test_a_valid_token_is_not_counted_as_a_failure(times: int) -> None:
    async with serve_with_rates(failed=1) as hub:
        for _ in range(times):
            assert (await hub.post(WHO, Authorization=BUDI)).status == 200
        assert (await hub.post(WHO, Authorization="Bearer guess")).code == "UNAUTHENTICATED"
