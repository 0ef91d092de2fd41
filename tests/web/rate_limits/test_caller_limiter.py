"""How often and for how much callers may ask, over HTTP; each request of the small graph costs 100 points."""

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
    """Requests and their seconds, points and theirs."""
    found = LEFT.fullmatch(answer.headers["RateLimit"])
    assert found is not None
    return [None if each is None else int(each) for each in found.groups()]


async def test_every_answer_tells_the_rates_and_what_is_left() -> None:
    async with serve_with_rates("citizen:600/6000", "anonymous:100/1000") as hub:
        answer = await hub.post(WHO, Authorization=SITI)
        assert answer.headers["RateLimit-Policy"] == '"requests";q=600;w=60, "points";q=6000;w=60'
        assert parse_remaining(answer) == [599, 1, 5900, 1]
        assert parse_remaining(await hub.post(WHO, Authorization=SITI))[2] == 5800
        strangers = await hub.post(WHO)
        assert strangers.headers["RateLimit-Policy"] == '"requests";q=100;w=60, "points";q=1000;w=60'
        assert parse_remaining(strangers) == [99, 1, 900, 6]


async def test_one_request_too_many_is_refused_with_when_to_try_again_and_nothing_is_run() -> None:
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


async def test_points_that_are_not_left_are_refused_before_anything_is_run() -> None:
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


async def test_people_are_limited_by_who_they_are_wherever_they_are() -> None:
    async with serve_with_rates("citizen:1/1000") as hub:
        assert (await hub.post(WHO, Authorization=SITI, X_Forwarded_For="198.51.100.4")).status == 200
        assert (await hub.post(WHO, Authorization=SITI, X_Forwarded_For="198.51.100.5")).status == 429


async def test_who_is_nobody_in_particular_is_limited_by_the_address() -> None:
    async with serve_with_rates("anonymous:1/1000") as hub:
        assert (await hub.post(WHO, X_Forwarded_For="198.51.100.4")).status == 200
        assert (await hub.post(WHO, X_Forwarded_For="8.8.8.8, 198.51.100.4")).status == 429
        assert (await hub.post(WHO, X_Forwarded_For="198.51.100.5")).status == 200
        assert (await hub.post(WHO, X_Forwarded_For="2001:db8::1")).status == 200
        assert (await hub.post(WHO, X_Forwarded_For="2001:db8::2")).status == 429


async def test_an_answer_that_anybody_may_keep_tells_nobodys_numbers() -> None:
    async with serve_with_rates() as hub:
        answer = await hub.get("/graphql", {"query": '{ echo(text: "a") }'}, GraphQL_Require_Preflight="true")
        assert answer.headers["Cache-Control"] == "public, max-age=60"
        assert "RateLimit" not in answer.headers
        own = await hub.get("/graphql", {"query": "{ whoAmI }"}, GraphQL_Require_Preflight="true")
        assert "RateLimit" in own.headers


async def test_pages_of_trusted_origins_may_read_what_is_left() -> None:
    origin = "https://app.example.go.id"
    async with serve_with_rates("anonymous:1/1000", allowed_origins=(origin,)) as hub:
        answer = await hub.post(WHO, Origin=origin)
        exposed = {each.strip() for each in answer.headers["Access-Control-Expose-Headers"].split(",")}
        assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= exposed
        assert parse_remaining(answer)[0] == 0
        refused = await hub.post(WHO, Origin=origin)
        assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (429, origin)


async def test_pages_and_paths_that_do_not_exist_are_limited_by_the_address_and_health_never() -> None:
    async with serve_with_rates("anonymous:3/1000", graphiql=Exposure.ON) as hub:
        statuses = [(await hub.get(path)).status for path in ("/graphiql", "/nothing", "/", "/graphiql", "/nothing")]
        assert statuses == [200, 404, 307, 429, 429]
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


async def test_tokens_that_prove_nobody_are_counted_by_their_address() -> None:
    async with serve_with_rates(failed=2) as hub:
        codes = [(await hub.post(WHO, Authorization=f"Bearer guess-{each}")).code for each in range(4)]
        assert codes == ["UNAUTHENTICATED", "UNAUTHENTICATED", "RATE_LIMITED", "RATE_LIMITED"]
        answer = await hub.post(WHO, Authorization="Bearer guess-5")
        assert answer.status == 429
        assert answer.message == (
            "More than 2 tokens in 60 s from this address proved nobody, so no new one is looked at."
            f" Try again in {answer.headers['Retry-After']} s."
        )
        elsewhere = await hub.post(WHO, Authorization="Bearer guess-6", X_Forwarded_For="198.51.100.4")
        assert elsewhere.code == "UNAUTHENTICATED"


async def test_who_shares_the_address_of_somebody_who_guesses_stays_signed_in_but_no_new_token_is_looked_at() -> None:
    async with serve_with_rates(failed=1) as hub:
        await hub.post(WHO, Authorization="Bearer guess")
        assert (await hub.post(WHO, Authorization=SITI)).json["data"] == {"whoAmI": "citizen"}
        assert (await hub.post(WHO, Authorization=BUDI)).code == "RATE_LIMITED"
        assert (await hub.post(WHO)).json["data"] == {"whoAmI": "anonymous"}


@pytest.mark.parametrize("times", [1, 5])
async def test_a_good_token_counts_as_no_failure(times: int) -> None:
    async with serve_with_rates(failed=1) as hub:
        for _ in range(times):
            assert (await hub.post(WHO, Authorization=BUDI)).status == 200
        assert (await hub.post(WHO, Authorization="Bearer guess")).code == "UNAUTHENTICATED"
