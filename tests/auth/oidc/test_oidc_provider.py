"""A third-party provider, npm `oidc-provider`, becomes an issuer by settings alone."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urljoin, urlsplit

import aiohttp
import pytest
from pydantic import SecretStr

from auth.tokens.issuers import Issuer
from connectors.drivers.http.credentials.client_tokens import ClientTokens, Oauth2Client
from connectors.drivers.http.credentials.http_credential import NO_CREDENTIAL
from records.calls.failures import AgencyUnavailable
from resolvers.hub.consents import Consents
from tests.fakes.small_consents import SmallConsents
from tests.fakes.small_hub import SmallHub, run_small_hub
from tests.fakes.small_records import BUDI, SITI
from tests.plugins.optional_programs import FindProgram, node_packages
from tests.sandbox_agencies import HOST, free_port

ROOT = Path(__file__).parents[3]
CALLBACK = "http://127.0.0.1:9/callback"
VERIFIER = "a-verifier-of-at-least-forty-three-characters"
PUBLIC = '{ region(code: "31") { name } }'


@pytest.fixture(scope="module")
def pages_port() -> int:
    """The port of the hub's pages, which the provider calls."""
    return free_port()


@pytest.fixture(scope="module")
async def provider(program: FindProgram, pages_port: int) -> AsyncIterator[str]:
    """The provider's address, while it runs."""
    node_packages()
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        program("node"),
        str(ROOT / "tests" / "auth" / "provider.mjs"),
        str(port),
        str(pages_port),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            assert await process.stdout.readline() == b"listening\n", "the provider did not start"
        yield f"http://{HOST}:{port}"
    finally:
        process.kill()
        await process.wait()


@pytest.fixture(scope="module")
async def hub(provider: str) -> AsyncIterator[SmallHub]:
    """A hub with the provider's entry, as an operator would write it."""
    async with run_small_hub([build_entry(provider)]) as running:
        yield running


def build_entry(provider: str) -> Issuer:
    """The provider's entry, as an operator writes it."""
    entry = {
        "name": "foreign",
        "url": provider,
        "audience": "https://simpul.example",
        "algorithms": ["RS256"],
        "kinds": ["citizen", "partner"],
        "kind_of_people": "citizen",
        "clients": {"bank": {"kind": "partner"}},
        "claims": {"nik": "sub"},
        "first_party": ["city-app"],
    }
    return Issuer.model_validate(entry)


async def token_of(http: aiohttp.ClientSession, form: dict[str, str], headers: dict[str, str] | None = None) -> str:
    async with http.post("/token", data=form, headers=headers) as response:
        answer = await response.json()
        assert response.status == 200, answer
        token = answer["access_token"]
        assert isinstance(token, str)
        return token


async def get_code(http: aiohttp.ClientSession, login: str) -> str:
    """The code from the provider's redirect, after a person signed in there and agreed."""
    back = await get_callback_url(http, login, _build_authorization_query())
    return parse_qs(urlsplit(back).query)["code"][0]


def _build_authorization_query() -> dict[str, str]:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
    return {
        "client_id": "city-app",
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "openid prices",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }


async def get_callback_url(http: aiohttp.ClientSession, login: str, query: dict[str, str]) -> str:
    """The provider's redirect after a person signed in there and agreed."""
    callback = query["redirect_uri"]
    method, path, form = "GET", "/auth", dict[str, str]()
    for _ in range(12):
        async with http.request(method, path, params=query, data=form or None, allow_redirects=False) as response:
            page = await response.text()
            target = response.headers.get("Location")
            here = str(response.url)
        query = {}
        if target is not None and target.startswith(callback):
            return target
        if target is not None:
            method, path, form = "GET", urlsplit(urljoin(here, target))._replace(scheme="", netloc="").geturl(), {}
            continue
        found = re.search(r'<form[^>]*action="([^"]+)"', page)
        assert found is not None, page
        prompt = re.search(r'name="prompt" value="(\w+)"', page)
        assert prompt is not None, page
        method, path = "POST", urlsplit(found[1]).path
        form = {"prompt": prompt[1], "login": login, "password": "any"}
    raise AssertionError("the provider never came to an end")


async def citizen_token(provider: str, login: str) -> str:
    jar = aiohttp.CookieJar(unsafe=True)  # the provider has an address and no name
    async with aiohttp.ClientSession(provider, cookie_jar=jar) as http:
        form = {"grant_type": "authorization_code", "client_id": "city-app", "redirect_uri": CALLBACK}
        code = await get_code(http, login)
        return await token_of(http, form | {"code": code, "code_verifier": VERIFIER})


async def partner_token(provider: str) -> str:
    async with aiohttp.ClientSession(provider) as http:
        form = {"grant_type": "client_credentials", "scope": "prices"}
        login = base64.b64encode(b"bank:a-secret-of-the-bank").decode()
        return await token_of(http, form, {"Authorization": f"Basic {login}"})


async def test_a_person_who_signed_in_by_code_and_pkce_is_a_citizen(hub: SmallHub, provider: str) -> None:
    answer = await hub.ask("{ me { nik name } }", token=await citizen_token(provider, str(SITI)))
    assert answer.body == {"data": {"me": {"nik": str(SITI), "name": "Person 1"}}}


async def test_a_person_reads_nothing_about_another_person(hub: SmallHub, provider: str) -> None:
    hub.city.calls.clear()
    query = f'{{ citizen(nik: "{SITI}") {{ name }} }}'
    answer = await hub.ask(query, token=await citizen_token(provider, str(BUDI)))
    assert (answer.body["data"], answer.codes, hub.city.calls) == ({"citizen": None}, ["FORBIDDEN"], [])


async def test_an_application_with_client_credentials_is_a_partner(hub: SmallHub, provider: str) -> None:
    token = await partner_token(provider)
    hub.city.calls.clear()
    for text in ("{ me { name } }", PUBLIC):  # partners run only registered operations, by id
        answer = await hub.ask(text, token=token)
        assert ("data" in answer.body, answer.codes) == (False, ["PERSISTED_QUERY_ID_REQUIRED"])
    assert hub.city.calls == []


async def test_the_hub_gets_tokens_for_agencies_there(hub: SmallHub, provider: str) -> None:
    client = Oauth2Client(token_url=f"{provider}/token", client_id="bank", client_secret="a-secret-of-the-bank")
    tokens = ClientTokens("crm", client, NO_CREDENTIAL)
    token = await tokens.get_token(monotonic() + 5)
    await tokens.close()
    assert (await hub.ask(PUBLIC, token=token)).codes == ["PERSISTED_QUERY_ID_REQUIRED"]  # the answer to a partner


async def test_a_wrong_secret_of_the_hub_is_named_by_the_code_of_the_standard(provider: str) -> None:
    client = Oauth2Client(token_url=f"{provider}/token", client_id="bank", client_secret="guess")
    tokens = ClientTokens("crm", client, NO_CREDENTIAL)
    with pytest.raises(AgencyUnavailable) as caught:
        await tokens.get_token(monotonic() + 5)
    await tokens.close()
    assert caught.value.detail == "token endpoint: HTTP 401 invalid_client"


async def test_its_id_tokens_are_refused_by_the_graph(hub: SmallHub, provider: str) -> None:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(provider, cookie_jar=jar) as http:
        form = {
            "grant_type": "authorization_code",
            "client_id": "city-app",
            "redirect_uri": CALLBACK,
            "code": await get_code(http, str(SITI)),
            "code_verifier": VERIFIER,
        }
        async with http.post("/token", data=form) as response:
            identity = (await response.json())["id_token"]
    answer = await hub.ask(token=identity)
    assert (answer.status, answer.codes) == (401, ["UNAUTHENTICATED"])
    assert "data" not in answer.body


@asynccontextmanager
async def sign_in_to_pages(
    provider: str, port: int
) -> AsyncIterator[tuple[SmallHub, aiohttp.ClientSession, aiohttp.ClientSession, str]]:
    """The hub with its pages, a browser at the provider and one at the hub, where Siti signed in, and her page."""
    given = {"sign_in_client": "simpul-pages", "sign_in_secret": SecretStr("a-secret-of-the-pages")}
    own: dict[str, Any] = {
        "listen": f"{HOST}:{port}",
        "public_url": f"http://{HOST}:{port}",
        "sign_in_issuer": "foreign",
        **given,
    }
    consents = SmallConsents()
    consents.add_consents(1)
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        run_small_hub([build_entry(provider)], own={Consents: consents}, **own) as hub,
        aiohttp.ClientSession(provider, cookie_jar=jar) as http,
        aiohttp.ClientSession(hub.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser,
    ):
        async with browser.get("/consents?lang=en", allow_redirects=False) as begun:
            asked = dict(parse_qsl(urlsplit(begun.headers["Location"]).query))
        back = await get_callback_url(http, str(SITI), asked)
        async with browser.get(urlsplit(back)._replace(scheme="", netloc="").geturl()) as page:
            text = await page.text()
            assert (page.status, page.url.path) == (200, "/consents"), text
        yield hub, http, browser, text


async def test_people_sign_in_to_the_hubs_own_pages(provider: str, pages_port: int) -> None:
    async with sign_in_to_pages(provider, pages_port) as (hub, http, browser, text):
        form = text.partition('name="form" value="')[2].partition('"')[0]
        async with browser.post("/sign-out?lang=en", data={"form": form}, headers={"Origin": hub.url}) as page:
            address = page.headers["Refresh"].removeprefix("0; url=")
        async with http.get(address) as there:
            asks = await there.text()
        assert (there.status, "Do you want to sign-out from" in asks) == (200, True), asks
    assert "Mitra 1" in text


async def test_a_person_who_signs_out_at_the_provider_leaves_the_hubs_pages(provider: str, pages_port: int) -> None:
    async with sign_in_to_pages(provider, pages_port) as (_, http, browser, _text):
        async with browser.get("/consents", allow_redirects=False) as before:
            assert before.status == 200
        async with http.get("/session/end") as page:
            form = re.search(r'action="([^"]+)".*?name="xsrf" value="([^"]+)"', await page.text(), re.DOTALL)
        assert form is not None
        data = {"xsrf": form[2], "logout": "yes"}
        async with http.post(urlsplit(form[1]).path, data=data, allow_redirects=False) as ended:
            assert ended.status in {302, 303}, await ended.text()
        async with browser.get("/consents", allow_redirects=False) as after:
            assert (after.status, urlsplit(after.headers["Location"]).path) == (303, "/auth")
