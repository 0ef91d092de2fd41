"""A loopback issuer at which people sign in without a page, and the hub's own pages as a client of it.

Tests change the person that it signs in, and their claims.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import aiohttp
from aiohttp import web
from joserfc import jwt
from pydantic import SecretStr

from engine.reporting import ReadRecorder
from resolvers.hub.consents import Consents
from tests.fakes.in_memory_sessions import InMemorySessions
from tests.fakes.issuers.loopback_issuer import DISCOVERY, KEYS, LoopbackIssuer, run_loopback_issuer
from tests.fakes.small_consents import REQUEST, SmallConsents, build_request
from tests.fakes.small_hub import SmallHub, run_small_hub
from tests.sandbox_agencies import HOST, free_port

CLIENT = "simpul-pages"
SECRET = "rahasia/halaman=1"
AUTHORIZE, TOKEN, END_SESSION = "/authorize", "/token", "/end-session"
PARTNER = "/partner/return"


@dataclass
class FakeSignInEndpoints:
    """The issuer's two endpoints. What is set here goes into the next answers."""

    issuer: LoopbackIssuer
    metadata: dict[str, Any] = field(default_factory=dict)
    """Added to the discovery document; None takes away."""
    answer: dict[str, str | None] = field(default_factory=dict)
    """Parameters of the redirect in place of the usual ones; None takes one away."""
    access: dict[str, Any] = field(default_factory=dict)
    """Claims of the access token."""
    identity: dict[str, object] = field(default_factory=dict)
    """Claims of the ID token."""
    tokens: dict[str, object] = field(default_factory=dict)
    """Members of the token answer."""
    authorization_requests: list[dict[str, str]] = field(default_factory=list)
    """The parameters of each request to sign in."""
    token_requests: list[dict[str, str]] = field(default_factory=list)
    """The form of each request for tokens, with the `authorization` that came with it."""
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def reset(self) -> None:
        """As it was."""
        for each in (self.metadata, self.answer, self.access, self.identity, self.tokens):
            each.clear()
        self.authorization_requests.clear()
        self.token_requests.clear()

    async def discovery(self, _request: web.Request) -> web.Response:
        url = self.issuer.url
        usual = {
            "issuer": url,
            "jwks_uri": f"{url}{KEYS}",
            "authorization_endpoint": f"{url}{AUTHORIZE}",
            "token_endpoint": f"{url}{TOKEN}",
            "end_session_endpoint": f"{url}{END_SESSION}",
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
        return web.json_response(_override(usual, self.metadata))

    async def authorize(self, request: web.Request) -> web.Response:
        """Immediately redirects back, with a code."""
        parameters = dict(request.query)
        self.authorization_requests.append(parameters)
        code = f"code-{len(self.authorization_requests)}"
        self._codes[code] = parameters
        answer = _override({"code": code, "state": parameters["state"], "iss": self.issuer.url}, self.answer)
        return web.Response(status=303, headers={"Location": f"{parameters['redirect_uri']}?{urlencode(answer)}"})

    async def token(self, request: web.Request) -> web.Response:
        """Tokens for a code, once, for who holds the verifier and the secret (RFC 6749, 7636)."""
        form = dict(parse_qsl((await request.read()).decode()))
        self.token_requests.append(form | {"authorization": request.headers.get("Authorization", "")})
        begun = self._codes.pop(form["code"], None)
        proof = base64.b64encode(f"{CLIENT}:rahasia%2Fhalaman%3D1".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {proof}":
            return web.json_response({"error": "invalid_client"}, status=401)
        if begun is None or form["redirect_uri"] != begun["redirect_uri"] or not _has_proof(form, begun):
            return web.json_response({"error": "invalid_grant"}, status=400)
        usual = {
            "access_token": self.issuer.token(**{"client_id": CLIENT, **self.access}),
            "token_type": "Bearer",
            "id_token": self.identity_token(nonce=begun["nonce"]),
        }
        return web.json_response(_override(usual, self.tokens))

    def identity_token(self, *, nonce: str, header: Mapping[str, str] | None = None) -> str:
        """An ID token."""
        now = int(time.time())
        usual = {"iss": self.issuer.url, "sub": "siti", "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce}
        usual["auth_time"] = now
        head = {"alg": "ES256", "typ": "JWT", "kid": self.issuer.key.kid or "", **(header or {})}
        return jwt.encode(head, _override(usual, self.identity), self.issuer.key)

    def logout_token(self, *, header: Mapping[str, str] | None = None, **claims: object) -> str:
        """A logout token for all sessions of Siti; None takes a claim away."""
        now = int(time.time())
        usual = {"iss": self.issuer.url, "sub": "siti", "aud": CLIENT, "iat": now, "exp": now + 120, "jti": "1"}
        usual["events"] = {"http://schemas.openid.net/event/backchannel-logout": {}}
        head = {"alg": "ES256", "typ": "logout+jwt", "kid": self.issuer.key.kid or "", **(header or {})}
        return jwt.encode(head, _override(usual, claims), self.issuer.key)


@dataclass(frozen=True)
class SignInWorld:
    """The hub with its pages, the issuer, what people consented to, and which sessions go on."""

    hub: SmallHub
    endpoints: FakeSignInEndpoints
    consents: SmallConsents
    sessions: InMemorySessions

    @asynccontextmanager
    async def browser(self, **headers: str) -> AsyncIterator[SignInBrowser]:
        """A fresh browser."""
        jar = aiohttp.CookieJar(unsafe=True)  # the hub has an address and no name
        async with aiohttp.ClientSession(self.hub.url, cookie_jar=jar, headers=headers) as http:
            yield SignInBrowser(self, http)


@dataclass(frozen=True)
class BrowserResponse:
    """What a browser got."""

    status: int
    headers: Mapping[str, str]
    text: str
    set_cookies: list[str]

    @property
    def location(self) -> str:
        """Where it is sent."""
        return self.headers["Location"]

    @property
    def form(self) -> str:
        """The text of the session, in its forms."""
        return self.text.partition('name="form" value="')[2].partition('"')[0]


@dataclass(frozen=True)
class SignInBrowser:
    """Keeps cookies, and follows nothing by itself."""

    world: SignInWorld
    http: aiohttp.ClientSession

    async def get(self, path: str, **headers: str) -> BrowserResponse:
        async with self.http.get(path, allow_redirects=False, headers=headers) as response:
            return await _to_response(response)

    async def post(self, path: str, fields: Any, **headers: str) -> BrowserResponse:  # noqa: ANN401 - what urlencode takes
        """As the hub's own page would: with the origin, unless given (an empty header is not sent)."""
        request_headers = {"Origin": self.world.hub.url, "Content-Type": "application/x-www-form-urlencoded"}
        sent = {name: value for name, value in (request_headers | headers).items() if value}
        body = urlencode(fields, doseq=True)
        async with self.http.post(path, data=body, allow_redirects=False, headers=sent) as response:
            return await _to_response(response)

    async def begin_sign_in(self, path: str) -> str:
        """Begin to sign in on the way to a page; where the issuer sends the browser back to."""
        begun = await self.get(path)
        assert begun.status == 303, (begun.status, begun.text)
        async with aiohttp.ClientSession() as issuer, issuer.get(begun.location, allow_redirects=False) as response:
            return response.headers["Location"].removeprefix(self.world.hub.url)

    async def sign_in(self, path: str = "/consents") -> BrowserResponse:
        """Sign in on the way to a page, and go there."""
        back = await self.get(await self.begin_sign_in(path))
        assert back.status == 303, (back.status, back.text)
        return await self.get(back.location)

    def cookie(self, name: str) -> str | None:
        """The value that the browser keeps."""
        return next((each.value for each in self.http.cookie_jar if each.key == name), None)

    def set_cookie(self, name: str, value: str) -> None:
        """Have the browser keep something else."""
        self.http.cookie_jar.update_cookies({name: value}, self.http._base_url)  # type: ignore[arg-type]  # it was given one


async def _to_response(response: aiohttp.ClientResponse) -> BrowserResponse:
    text = await response.text()
    return BrowserResponse(response.status, response.headers, text, response.headers.getall("Set-Cookie", []))


def _override(usual: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**usual, **change}.items() if value is not None}


def _has_proof(form: Mapping[str, str], begun: Mapping[str, str]) -> bool:
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == begun["code_challenge"]


@asynccontextmanager
async def run_sign_in_world(
    *,
    recorder: ReadRecorder | None = None,
    sessions: InMemorySessions | None = None,
    **overrides: Any,  # noqa: ANN401 - any setting
) -> AsyncIterator[SignInWorld]:
    """A hub with its pages, whose issuer signs people in; a partner's request to Siti waits."""
    async with run_loopback_issuer() as issuer:
        desk, consents = FakeSignInEndpoints(issuer), SmallConsents()
        issuer.answers |= {DISCOVERY: desk.discovery, AUTHORIZE: desk.authorize, TOKEN: desk.token}
        port = free_port()
        settings = {
            "listen": f"{HOST}:{port}",
            "public_url": f"http://{HOST}:{port}",
            "sign_in_issuer": "loopback",
            "sign_in_client": CLIENT,
            "sign_in_secret": SecretStr(SECRET),
            **overrides,
        }
        consents.requests[REQUEST] = build_request(f"{issuer.url}{PARTNER}")
        sessions = sessions or InMemorySessions()
        async with run_small_hub(
            [issuer.entry()], own={Consents: consents}, recorder=recorder, sessions=sessions, **settings
        ) as hub:
            yield SignInWorld(hub, desk, consents, sessions)
