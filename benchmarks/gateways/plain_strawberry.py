"""A Strawberry server as its documentation suggests: aiodataloader, aiohttp, uvicorn.

No limits, error masking or request ids: the minimum that answers the questions and verifies the token.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import strawberry
import uvicorn
from aiodataloader import DataLoader
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.applications import Starlette
from strawberry.asgi import GraphQL

from auth.tokens.development_issuer import AUDIENCE
from benchmarks.issuer import URL
from benchmarks.layout import HOST


@strawberry.type
class User:
    """A user."""

    id: int
    name: str
    email: str


@strawberry.type
class Post:
    """A post."""

    id: int
    title: str
    body: str
    user_id: strawberry.Private[int]

    @strawberry.field
    async def user(self, info: strawberry.Info) -> User | None:
        """Its author."""
        found: User | None = await info.context["users"].load(self.user_id)
        return found


@strawberry.type
class Account:
    """An account."""

    id: str
    name: str
    balance: int


@strawberry.type
class Order:
    """An order."""

    id: int
    item: str
    total: int


@strawberry.type
class Message:
    """A message."""

    id: int
    subject: str
    unread: bool


class NotYours(Exception):  # noqa: N818 - reads as what it is
    """The token belongs to another id."""


class PlainWorld:
    """The upstream client and the token verification."""

    def __init__(self, upstream: str, keys: Path) -> None:
        self._upstream = upstream
        self._keys = KeySet.import_key_set(json.loads(keys.read_text()))
        self._claims = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": URL},
            aud={"essential": True, "value": AUDIENCE},
            exp={"essential": True},
        )
        self.session: aiohttp.ClientSession | None = None

    async def get(self, path: str, query: dict[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Read JSON."""
        if self.session is None:
            raise RuntimeError("not started")
        async with self.session.get(f"{self._upstream}/{path}", params=query) as reply:
            return await reply.json()

    async def users(self, ids: list[int]) -> list[User | None]:
        """Users, in one call."""
        found = {
            each["id"]: User(id=each["id"], name=each["name"], email=each["email"])
            for each in await self.get("users", {"id": ",".join(map(str, ids))})
        }
        return [found.get(each) for each in ids]

    def check(self, authorization: str | None, owner: str) -> None:
        """Check that the token belongs to the id."""
        if authorization is None:
            raise NotYours
        decoded = jwt.decode(authorization.removeprefix("Bearer "), self._keys, algorithms=["ES256"])
        self._claims.validate(decoded.claims)
        if decoded.claims.get("nik") != owner:
            raise NotYours


@strawberry.type
class Query:
    """The root."""

    @strawberry.field
    def greet(self) -> str:
        """A greeting."""
        return "Hello World!"

    @strawberry.field
    async def posts(self, info: strawberry.Info) -> list[Post]:
        """Every post."""
        world: PlainWorld = info.context["world"]
        return [
            Post(id=each["id"], title=each["title"], body=each["body"], user_id=each["userId"])
            for each in await world.get("posts")
        ]

    @strawberry.field
    async def account(self, info: strawberry.Info, id: strawberry.ID) -> Account:  # noqa: A002 - the argument's name
        """The caller's account."""
        each = await _own(info, "accounts", id)
        return Account(id=each["id"], name=each["name"], balance=each["balance"])

    @strawberry.field
    async def orders(self, info: strawberry.Info, id: strawberry.ID) -> list[Order]:  # noqa: A002 - the argument's name
        """The caller's orders."""
        found = await _own(info, "orders", id)
        return [Order(id=each["id"], item=each["item"], total=each["total"]) for each in found]

    @strawberry.field
    async def messages(self, info: strawberry.Info, id: strawberry.ID) -> list[Message]:  # noqa: A002 - the argument's name
        """The caller's messages."""
        found = await _own(info, "messages", id)
        return [Message(id=each["id"], subject=each["subject"], unread=each["unread"]) for each in found]


async def _own(info: strawberry.Info, kind: str, owner: str) -> Any:  # noqa: ANN401 - JSON
    if info.context["owner"] is None:
        world: PlainWorld = info.context["world"]
        world.check(info.context["request"].headers.get("authorization"), owner)
        info.context["owner"] = owner
    if info.context["owner"] != owner:
        raise NotYours
    return await info.context["world"].get(f"{kind}/{owner}")


def application(upstream: str, keys: Path) -> Starlette:
    """The application."""
    world = PlainWorld(upstream, keys)

    class Endpoint(GraphQL[Any, Any]):
        async def get_context(self, request: Any, response: Any) -> dict[str, Any]:  # noqa: ANN401, ARG002 - Strawberry's signature
            loader: DataLoader[int, User | None] = DataLoader(world.users)
            return {"request": request, "world": world, "users": loader, "owner": None}

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=256)) as session:
            world.session = session
            yield

    app = Starlette(lifespan=lifespan)
    app.mount("/graphql", Endpoint(strawberry.Schema(query=Query)))
    return app


if __name__ == "__main__":
    uvicorn.run(
        application(sys.argv[2], Path(sys.argv[3])),
        host=HOST,
        port=int(sys.argv[1]),
        log_level="warning",
        loop="uvloop",
        access_log=False,
    )
