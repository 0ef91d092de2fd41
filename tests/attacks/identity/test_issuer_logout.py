"""The issuer ends sessions of the hub's pages (Back-Channel Logout 1.0); nobody else can, and no other token does."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.fakes.in_memory_sessions import InMemorySessions
from tests.fakes.issuers.loopback_sign_in import FakeSignInEndpoints, SignInBrowser, SignInWorld, run_sign_in_world

PATH = "/sign-out/issuer"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[SignInWorld]:
    async with run_sign_in_world() as world:
        yield world


@pytest.fixture
def world(running: SignInWorld) -> SignInWorld:
    running.endpoints.reset()
    running.sessions.is_down = False
    return running


async def report(world: SignInWorld, body: str, content_type: str = FORM) -> tuple[int, str, Mapping[str, str]]:
    """Call the hub as the issuer does: without a cookie, and without an origin."""
    headers = {"Content-Type": content_type}
    async with world.hub.http.post(PATH, data=body, headers=headers, allow_redirects=False) as response:
        return response.status, await response.text(), response.headers


async def report_token(world: SignInWorld, token: str) -> int:
    return (await report(world, urlencode({"logout_token": token})))[0]


async def is_signed_in(browser: SignInBrowser) -> bool:
    return (await browser.get("/consents")).status == 200


async def test_a_logout_of_the_person_ends_every_session_of_theirs(world: SignInWorld) -> None:
    async with world.browser() as phone, world.browser() as laptop:
        await phone.sign_in()
        await laptop.sign_in()
        status, body, headers = await report(world, urlencode({"logout_token": world.endpoints.logout_token()}))
        assert (status, body, headers["Cache-Control"]) == (200, "", "no-store")
        assert [await is_signed_in(each) for each in (phone, laptop)] == [False, False]


async def test_a_logout_of_one_sign_in_ends_its_session_alone(world: SignInWorld) -> None:
    async with world.browser() as phone, world.browser() as laptop:
        world.endpoints.identity["sid"] = "s-1"
        await phone.sign_in()
        world.endpoints.identity["sid"] = "s-2"
        await laptop.sign_in()
        assert await report_token(world, world.endpoints.logout_token(sub=None, sid="s-1")) == 200
        assert [await is_signed_in(each) for each in (phone, laptop)] == [False, True]
        assert await report_token(world, world.endpoints.logout_token(sid="s-2")) == 200
        assert not await is_signed_in(laptop)


async def test_a_copied_cookie_ends_with_the_session(world: SignInWorld) -> None:
    async with world.browser() as own, world.browser() as thief:
        await own.sign_in()
        thief.set_cookie("simpul", own.cookie("simpul") or "")
        assert await is_signed_in(thief)
        await report_token(world, world.endpoints.logout_token())
        assert not await is_signed_in(thief)


async def test_another_person_stays_signed_in(world: SignInWorld) -> None:
    async with world.browser() as browser:
        await browser.sign_in()
        assert await report_token(world, world.endpoints.logout_token(sub="budi")) == 200
        assert await report_token(world, world.endpoints.logout_token(sub="budi", sid="s-9")) == 200
        assert await is_signed_in(browser)


async def test_a_token_sent_again_ends_no_later_session() -> None:
    now = [1000.0]
    async with run_sign_in_world(sessions=InMemorySessions(clock=lambda: now[0])) as world, world.browser() as browser:
        token = world.endpoints.logout_token(iat=int(time.time()) - 60)
        await browser.sign_in()
        now[0] += 40
        assert await report_token(world, token) == 200
        assert await is_signed_in(browser)
        now[0] += 20
        assert await report_token(world, token) == 200
        assert not await is_signed_in(browser)


Forge = Callable[[FakeSignInEndpoints], str]


def sign_otherwise(endpoints: FakeSignInEndpoints) -> str:
    stranger = ECKey.generate_key("P-256", {"kid": endpoints.issuer.key.kid or ""})
    now = int(time.time())
    claims = {"iss": endpoints.issuer.url, "sub": "siti", "aud": "simpul-pages", "iat": now, "events": {EVENT: {}}}
    return jwt.encode({"alg": "ES256", "typ": "logout+jwt", "kid": stranger.kid}, claims, stranger)


REFUSED: Mapping[str, Forge] = {
    "signed by another key": sign_otherwise,
    "signature cut off": lambda it: it.logout_token().rpartition(".")[0] + ".",
    "for another client": lambda it: it.logout_token(aud="another"),
    "of another issuer": lambda it: it.logout_token(iss="https://another.example"),
    "without a time": lambda it: it.logout_token(iat=None),
    "expired": lambda it: it.logout_token(exp=int(time.time()) - 60),
    "issued long ago": lambda it: it.logout_token(iat=int(time.time()) - 400, exp=None),
    "issued in the future": lambda it: it.logout_token(iat=int(time.time()) + 400),
    "huge time": lambda it: it.logout_token(iat=10**400),
    "hugely negative time": lambda it: it.logout_token(iat=-(10**400)),
    "without the event": lambda it: it.logout_token(events=None),
    "another event": lambda it: it.logout_token(events={"http://schemas.openid.net/event/other": {}}),
    "an event that is a text": lambda it: it.logout_token(events={EVENT: "yes"}),
    "with a nonce": lambda it: it.logout_token(nonce="n"),
    "without person and sign-in": lambda it: it.logout_token(sub=None),
    "a person that is a number": lambda it: it.logout_token(sub=5, sid="s"),
    "another type": lambda it: it.logout_token(header={"typ": "at+jwt"}),
    "an ID token": lambda it: it.identity_token(nonce="n"),
    "an access token": lambda it: it.issuer.token(client_id="simpul-pages", aud="simpul-pages"),
    "no token": lambda _: "x",
}


@pytest.mark.parametrize("name", REFUSED)
async def test_another_token_ends_no_session(world: SignInWorld, name: str) -> None:
    async with world.browser() as browser:
        await browser.sign_in()
        status, body, headers = await report(world, urlencode({"logout_token": REFUSED[name](world.endpoints)}))
        assert (status, body, headers["Cache-Control"]) == (400, '{"error":"invalid_request"}', "no-store")
        assert await is_signed_in(browser)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("", FORM),
        ("logout_token=a&logout_token=b", FORM),
        ("token={token}", FORM),
        ("logout_token={token}", "application/json"),
        ("logout_token={token}&x=" + "x" * 70_000, FORM),
    ],
)
async def test_another_form_ends_no_session(world: SignInWorld, body: str, content_type: str) -> None:
    async with world.browser() as browser:
        await browser.sign_in()
        token = world.endpoints.logout_token()
        assert (await report(world, body.replace("{token}", token), content_type))[0] == 400
        assert await is_signed_in(browser)


async def test_a_logout_that_cannot_be_stored_is_reported_as_failed(world: SignInWorld) -> None:
    async with world.browser() as browser:
        await browser.sign_in()
        world.sessions.is_down = True
        token = world.endpoints.logout_token()
        assert (await report(world, urlencode({"logout_token": token})))[:2] == (400, '{"error":"server_error"}')
        world.sessions.is_down = False
        assert await report_token(world, token) == 200
        assert not await is_signed_in(browser)


@pytest.mark.parametrize("sid", [5, "", "x" * 256, "a\nb", None])
async def test_a_sign_in_without_a_usable_name_ends_with_the_person(world: SignInWorld, sid: Any) -> None:  # noqa: ANN401 - any claim
    async with world.browser() as browser:
        world.endpoints.identity["sid"] = sid
        await browser.sign_in()
        assert await is_signed_in(browser)
        assert await report_token(world, world.endpoints.logout_token(sid="another")) == 200
        assert not await is_signed_in(browser)
