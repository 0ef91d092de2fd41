"""Codes are redeemed once, over HTTP; a failing issuer is distinguished from an invalid code."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from connectors.issuer_http import TokenEndpoint
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused, AgencyTimeout, AgencyUnavailable
from tests.fakes.issuers.loopback_issuer import LoopbackIssuer, answer_always, run_loopback_issuer

FORM = {"grant_type": "authorization_code", "code": "a b&c"}


@pytest.fixture
async def issuer() -> AsyncIterator[LoopbackIssuer]:
    async with run_loopback_issuer() as running:
        yield running


@pytest.fixture
def endpoint() -> TokenEndpoint:
    return TokenEndpoint("loopback", timeout=0.5)


async def test_the_form_is_sent_with_the_clients_credentials(issuer: LoopbackIssuer, endpoint: TokenEndpoint) -> None:
    seen: list[tuple[str, str, str, str]] = []

    async def take(request: web.Request) -> web.Response:
        headers = request.headers
        seen.append((request.path_qs, headers["Content-Type"], headers["Authorization"], await request.text()))
        return web.json_response({"access_token": "x"})

    issuer.answers["/token"] = take
    found = await endpoint.redeem_code(f"{issuer.url}/token?realm=a", FORM, authorization="Basic eA==")
    assert found == b'{"access_token": "x"}'
    assert seen == [
        (
            "/token?realm=a",
            "application/x-www-form-urlencoded",
            "Basic eA==",
            "grant_type=authorization_code&code=a+b%26c",
        )
    ]


async def test_a_refused_code_is_not_a_failure_of_the_issuer(issuer: LoopbackIssuer, endpoint: TokenEndpoint) -> None:
    issuer.answers["/token"] = answer_always(b'{"error":"invalid_grant"}', 400)
    assert await endpoint.redeem_code(f"{issuer.url}/token", FORM, authorization=None) is None


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (401, AgencyRefused),
        (403, AgencyRefused),
        (429, AgencyRefused),
        (302, AgencyMalformed),
        (500, AgencyUnavailable),
        (404, AgencyMalformed),
        (204, AgencyMalformed),
    ],
)
async def test_other_answers_are_failures_and_the_code_is_sent_once(
    issuer: LoopbackIssuer, endpoint: TokenEndpoint, status: int, failure: type[AgencyFailure]
) -> None:
    issuer.answers["/token"] = answer_always(b"", status, Location="/elsewhere")
    with pytest.raises(failure):
        await endpoint.redeem_code(f"{issuer.url}/token", FORM, authorization=None)
    assert issuer.request_counts == {"/token": 1}


async def test_an_answer_too_long_or_too_late_is_a_failure(issuer: LoopbackIssuer, endpoint: TokenEndpoint) -> None:
    issuer.answers["/token"] = answer_always(b"x" * 300_000)
    with pytest.raises(AgencyMalformed):
        await endpoint.redeem_code(f"{issuer.url}/token", FORM, authorization=None)
    with pytest.raises((AgencyTimeout, AgencyUnavailable)):
        await endpoint.redeem_code("http://127.0.0.1:9/token", FORM, authorization=None)
