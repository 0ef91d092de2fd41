"""Handwritten code for these questions only: a function for each, on bare ASGI, without GraphQL.

With `--shared`, concurrent equal requests share one reply.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import uvicorn
from joserfc import jwt
from joserfc.jwk import KeySet

from auth.tokens.development_issuer import AUDIENCE
from benchmarks.comparison.questions import Q1, Q2, Q3, Q4
from benchmarks.issuer import URL
from benchmarks.layout import HOST

_OK: dict[str, Any] = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json")],
}
_FORBIDDEN: dict[str, Any] = {"type": "http.response.start", "status": 403, "headers": []}


class Handwritten:
    """The application."""

    def __init__(self, upstream: str, keys: Path, *, shared: bool) -> None:
        self._upstream = upstream
        self._keys = KeySet.import_key_set(json.loads(keys.read_text()))
        self._claims = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": URL},
            aud={"essential": True, "value": AUDIENCE},
            exp={"essential": True},
        )
        self._shared = shared
        self._flying: dict[str, asyncio.Task[bytes]] = {}
        self._session: aiohttp.ClientSession | None = None
        self._answers: dict[str, Callable[[], Awaitable[bytes]]] = {
            Q1.document: self._greet,
            Q2.document: self._titles,
            Q3.document: self._posts,
        }

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Serve."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        request = orjson.loads(body)
        document = request["query"]
        try:
            if document == Q4.document:
                answer = await self._mine(scope, request["variables"]["id"])
            elif self._shared:
                answer = await asyncio.shield(self._share(document))
            else:
                answer = await self._answers[document]()
        except PermissionError:
            await send(_FORBIDDEN)
            await send({"type": "http.response.body", "body": b""})
            return
        await send(_OK | {"headers": [*_OK["headers"], (b"content-length", str(len(answer)).encode())]})
        await send({"type": "http.response.body", "body": answer})

    def _share(self, document: str) -> asyncio.Task[bytes]:
        flying = self._flying.get(document)
        if flying is None:
            flying = self._flying[document] = asyncio.ensure_future(self._answers[document]())
            flying.add_done_callback(lambda _task: self._flying.pop(document, None))
        return flying

    async def _get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        if self._session is None:
            raise RuntimeError("not started")
        async with self._session.get(f"{self._upstream}/{path}") as reply:
            return orjson.loads(await reply.read())

    async def _greet(self) -> bytes:
        return orjson.dumps({"data": {"greet": "Hello World!"}})

    async def _titles(self) -> bytes:
        return orjson.dumps({"data": {"posts": [{"title": each["title"]} for each in await self._get("posts")]}})

    async def _posts(self) -> bytes:
        posts = await self._get("posts")
        wanted = ",".join(map(str, dict.fromkeys(each["userId"] for each in posts)))
        users = {
            each["id"]: {"id": each["id"], "name": each["name"], "email": each["email"]}
            for each in await self._get(f"users?id={wanted}")
        }
        shaped = [
            {"id": each["id"], "title": each["title"], "body": each["body"], "user": users.get(each["userId"])}
            for each in posts
        ]
        return orjson.dumps({"data": {"posts": shaped}})

    async def _mine(self, scope: dict[str, Any], owner: str) -> bytes:
        token = next((value for name, value in scope["headers"] if name == b"authorization"), b"").decode()
        decoded = jwt.decode(token.removeprefix("Bearer "), self._keys, algorithms=["ES256"])
        self._claims.validate(decoded.claims)
        if decoded.claims.get("nik") != owner:
            raise PermissionError
        account, orders, messages = await asyncio.gather(
            self._get(f"accounts/{owner}"), self._get(f"orders/{owner}"), self._get(f"messages/{owner}")
        )
        data = {
            "account": {"id": account["id"], "name": account["name"], "balance": account["balance"]},
            "orders": [{"id": each["id"], "item": each["item"], "total": each["total"]} for each in orders],
            "messages": [{"id": each["id"], "subject": each["subject"], "unread": each["unread"]} for each in messages],
        }
        return orjson.dumps({"data": data})

    async def _live(self, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        await receive()
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=256))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._session.close()
        await send({"type": "lifespan.shutdown.complete"})


def main() -> None:
    """Serve until ended."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("port", type=int)
    arguments.add_argument("upstream")
    arguments.add_argument("keys", type=Path)
    arguments.add_argument("--shared", action="store_true")
    options = arguments.parse_args()
    app: Any = Handwritten(options.upstream, options.keys, shared=options.shared)
    uvicorn.run(app, host=HOST, port=options.port, log_level="warning", loop="uvloop", access_log=False)


if __name__ == "__main__":
    main()
