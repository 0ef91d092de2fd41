"""An issuer of tokens on a real port: discovery, a key set that tests change, and a count of who asked for what."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey

from auth.caller import CallerKind
from auth.tokens.issuers import Issuer
from tests.fakes.small_records import SITI

DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"
AUDIENCE = "simpul"
Handler = Callable[[web.Request], Awaitable[web.Response]]


@dataclass
class LoopbackIssuer:
    """The issuer. `answers` replaces what it says at a path; `request_counts` counts requests by path."""

    url: str = ""
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "key-1"}))
    answers: dict[str, Handler] = field(default_factory=dict)
    request_counts: Counter[str] = field(default_factory=Counter)

    @property
    def public_key(self) -> dict[str, Any]:
        return {**self.key.as_dict(private=False)}

    def rotate(self, kid: str) -> None:
        """Sign by a new key from now on, and publish it alone."""
        self.key = ECKey.generate_key("P-256", {"kid": kid})

    def entry(self, **more: Any) -> Issuer:  # noqa: ANN401 - any setting
        """Its entry in a hub's settings."""
        values = {
            "name": "loopback",
            "url": self.url,
            "audience": AUDIENCE,
            "kinds": tuple(CallerKind),
            "first_party": ("*",),
        }
        return Issuer.model_validate(values | more)

    def claims(self, **more: object) -> dict[str, Any]:
        """Claims of a citizen, now; None takes a claim away."""
        now = int(time.time())
        values = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "siti",
            "iat": now,
            "exp": now + 300,
            "kind": "citizen",
            "nik": str(SITI),
            "acr": "high",
            "client_id": "app",
            "auth_time": now,
        }
        return {name: value for name, value in (values | more).items() if value is not None}

    def token(self, header: dict[str, Any] | None = None, **claims: object) -> str:
        """A token of this issuer."""
        values = {"alg": "ES256", "typ": "at+jwt", "kid": self.key.kid or ""} | (header or {})
        return jwt.encode(values, self.claims(**claims), self.key)

    async def serve(self, request: web.Request) -> web.Response:
        self.request_counts[request.path] += 1
        if request.path in self.answers:
            return await self.answers[request.path](request)
        if request.path == DISCOVERY:
            return web.json_response({"issuer": self.url, "jwks_uri": f"{self.url}{KEYS}"})
        if request.path == KEYS:
            return web.json_response({"keys": [self.public_key]})
        return web.Response(status=404)


@asynccontextmanager
async def run_loopback_issuer() -> AsyncIterator[LoopbackIssuer]:
    """The issuer, served until the block ends."""
    issuer = LoopbackIssuer()
    runner = web.ServerRunner(web.Server(issuer.serve), shutdown_timeout=0.1)  # type: ignore[arg-type]  # its handlers get a BaseRequest
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    issuer.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield issuer
    finally:
        await runner.cleanup()


def answer_always(body: bytes = b"", status: int = 200, **headers: str) -> Handler:
    """An answer that is always the same."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=body, status=status, headers=headers)

    return answer
