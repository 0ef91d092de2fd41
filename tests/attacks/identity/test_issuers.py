"""Issuers that are down, broken, slow or malicious: their tokens are refused, and other callers are served."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from joserfc.jwk import ECKey, OctKey

from tests.fakes.issuers.loopback_issuer import (
    DISCOVERY,
    KEYS,
    Handler,
    LoopbackIssuer,
    answer_always,
    run_loopback_issuer,
)
from tests.fakes.small_hub import SmallHub, run_small_hub

PUBLIC = '{ region(code: "31") { name } }'
UNAVAILABLE = (
    "The keys of the token's issuer are unavailable at the moment, so the token cannot be verified. Try again in 10 s."
)


@pytest.fixture
async def issuer() -> AsyncIterator[LoopbackIssuer]:
    async with run_loopback_issuer() as running:
        yield running


async def assert_its_tokens_cannot_be_checked(hub: SmallHub, issuer: LoopbackIssuer) -> None:
    answer = await hub.ask(token=issuer.token())
    assert (answer.status, answer.codes) == (503, ["ISSUER_UNAVAILABLE"])
    assert answer.body["errors"][0]["message"] == UNAVAILABLE
    assert "data" not in answer.body
    assert answer.headers["Retry-After"] == "10"
    assert hub.city.calls == []
    assert (await hub.ask(PUBLIC)).body["data"] == {"region": {"name": "Region 31"}}
    assert await hub.health() == {
        "status": "degraded",
        "agencies": [],
        "issuers": [{"name": "loopback", "state": "missing"}],
    }


def keys(*entries: Any) -> bytes:  # noqa: ANN401 - JSON
    return json.dumps({"keys": entries}).encode()


async def hang(_request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


STRANGER = ECKey.generate_key("P-256", {"kid": "key-1"})
BROKEN: dict[str, dict[str, Handler]] = {
    "no discovery": {DISCOVERY: answer_always(status=404)},
    "a discovery that fails": {DISCOVERY: answer_always(status=500)},
    "a discovery that refuses": {DISCOVERY: answer_always(status=403)},
    "a discovery that leads elsewhere": {DISCOVERY: answer_always(status=302, Location="/elsewhere")},
    "a discovery that is a page": {DISCOVERY: answer_always(b"<html>Sign in</html>")},
    "a discovery in the name of another": {
        DISCOVERY: answer_always(b'{"issuer": "https://evil.example", "jwks_uri": "https://evil.example/keys"}')
    },
    "a discovery of any size": {DISCOVERY: answer_always(b" " * 300_000)},
    "a discovery that is deep inside itself": {DISCOVERY: answer_always(b'{"a":' * 1000 + b"1" + b"}" * 1000)},
    "a discovery that never comes": {DISCOVERY: hang},
    "no keys": {KEYS: answer_always(status=404)},
    "keys that fail": {KEYS: answer_always(status=503)},
    "keys that are elsewhere": {KEYS: answer_always(status=307, Location="/elsewhere")},
    "keys that are a page": {KEYS: answer_always(b"<html></html>")},
    "keys that are cut off": {KEYS: answer_always(b'{"keys": [{"kty": "EC", "crv"')},
    "keys of any size": {KEYS: answer_always(b'{"keys": [' + b" " * 300_000 + b"]}")},
    "an empty set": {KEYS: answer_always(b'{"keys": []}')},
    "a symmetric key": {KEYS: answer_always(keys(OctKey.generate_key(256, {"kid": "key-1"}).as_dict()))},
    "a private key": {KEYS: answer_always(keys(STRANGER.as_dict(private=True)))},
    "two keys of one name": {KEYS: answer_always(keys(*[STRANGER.as_dict(private=False)] * 2))},
    "keys that never come": {KEYS: hang},
}


@pytest.mark.parametrize("name", BROKEN)
async def test_an_issuer_without_keys_affects_only_its_own_callers(issuer: LoopbackIssuer, name: str) -> None:
    issuer.answers |= BROKEN[name]
    issuer.answers["/elsewhere"] = answer_always(json.dumps({"keys": [issuer.public_key]}).encode())
    async with run_small_hub([issuer.entry()], agency_timeout=0.3) as hub:
        await assert_its_tokens_cannot_be_checked(hub, issuer)
    assert issuer.request_counts["/elsewhere"] == 0


@pytest.mark.parametrize(
    "address",
    [
        "http://10.0.0.1/keys",
        "ftp://127.0.0.1/keys",
        "file:///etc/passwd",
        "//127.0.0.1/keys",
        "/keys",
        "https://user:password@127.0.0.1/keys",
        "https://127.0.0.1/keys#x",
        "",
        5,
        None,
        ["https://127.0.0.1/keys"],
    ],
)
async def test_keys_are_fetched_only_by_https_or_on_this_machine(issuer: LoopbackIssuer, address: object) -> None:
    issuer.answers[DISCOVERY] = answer_always(json.dumps({"issuer": issuer.url, "jwks_uri": address}).encode())
    async with run_small_hub([issuer.entry()]) as hub:
        await assert_its_tokens_cannot_be_checked(hub, issuer)


async def test_an_unreachable_issuer_does_not_stop_the_start() -> None:
    async with run_loopback_issuer() as issuer:
        pass  # its port is closed from now on
    async with run_small_hub([issuer.entry()]) as hub:
        await assert_its_tokens_cannot_be_checked(hub, issuer)


async def test_known_keys_work_while_their_issuer_is_down(issuer: LoopbackIssuer) -> None:
    async with run_small_hub([issuer.entry()]) as hub:
        assert (await hub.ask(token=issuer.token())).status == 200
        issuer.answers |= {DISCOVERY: answer_always(status=500), KEYS: answer_always(status=500)}
        assert (await hub.ask(token=issuer.token(sub="another"))).body["data"] == {"me": {"name": "Person 1"}}


async def test_an_issuer_that_is_down_does_not_affect_another_one(issuer: LoopbackIssuer) -> None:
    async with run_loopback_issuer() as gone:
        pass
    async with run_small_hub([gone.entry(name="gone"), issuer.entry()]) as hub:
        assert (await hub.ask(token=issuer.token())).body["data"] == {"me": {"name": "Person 1"}}
        assert (await hub.health())["issuers"] == [
            {"name": "gone", "state": "missing"},
            {"name": "loopback", "state": "fresh"},
        ]


async def test_a_client_that_disconnects_does_not_cancel_the_fetch_of_keys_for_others(issuer: LoopbackIssuer) -> None:
    come, asked = asyncio.Event(), asyncio.Event()

    async def answer_late(_request: web.Request) -> web.Response:
        asked.set()
        await come.wait()
        return web.json_response({"keys": [issuer.public_key]})

    issuer.answers[KEYS] = answer_late
    async with run_small_hub([issuer.entry()]) as hub:
        tasks = [asyncio.create_task(hub.ask(token=issuer.token())) for _ in range(5)]
        await asked.wait()
        tasks[0].cancel()
        come.set()
        answers = await asyncio.gather(*tasks[1:])
        assert [each.status for each in answers] == [200] * 4
        assert issuer.request_counts[KEYS] == 1
