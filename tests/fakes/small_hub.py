"""The production composition in front of the small city, on a real port, with its own issuers."""

from __future__ import annotations

import asyncio
import base64
import socket
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiohttp
import uvicorn
from graphql import GraphQLSchema
from pydantic import SecretStr
from starlette.applications import Starlette

import server
from auth.tokens.issuers import Issuer
from connectors.agency_probes import AgencyProbes
from engine.reporting import NoReadRecorder
from schema.builder import build_schema, get_graphql_schema
from settings import Settings
from tests.fakes.city import build_codes, build_plain_city
from tests.fakes.in_memory_sessions import InMemorySessions
from tests.fakes.small_city import SmallCity
from tests.fakes.unbound_settings import UnboundSettings
from web.server.uvicorn_config import build_uvicorn_config
from wiring.hub_parts import HubParts

HOST = "127.0.0.1"
NOWHERE = f"http://{HOST}:9"
ME = "{ me { name } }"


@dataclass(frozen=True, slots=True)
class SmallHubAnswer:
    """A response of the hub."""

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def codes(self) -> list[str]:
        """The code of each error."""
        return [each["extensions"]["code"] for each in self.body.get("errors", ())]


@dataclass(frozen=True, slots=True)
class SmallHub:
    """A running hub, and a client of it."""

    city: SmallCity
    http: aiohttp.ClientSession
    url: str
    paths: Collection[str]
    """The paths that it serves."""

    async def ask(self, query: str = ME, *, token: str | None = None, headers: Any = None) -> SmallHubAnswer:  # noqa: ANN401 - what aiohttp takes
        """Ask by POST, with a bearer token or headers as they are."""
        sent = headers if headers is not None else {"Authorization": f"Bearer {token}"} if token is not None else {}
        async with self.http.post("/graphql", json={"query": query}, headers=sent) as response:
            return SmallHubAnswer(response.status, response.headers, await response.json(content_type=None))

    async def health(self) -> Mapping[str, Any]:
        """What the hub says of itself."""
        async with self.http.get("/health/ready") as response:
            found: Mapping[str, Any] = await response.json()
            return found


@cache
def build_city_schema() -> GraphQLSchema:
    """The city's graph, built once for all small hubs."""
    return get_graphql_schema(build_schema(build_codes()))


def build_settings(issuers: Sequence[Issuer], **overrides: Any) -> Settings:  # noqa: ANN401 - any setting
    """Settings of a hub whose agencies are given, so their addresses lead nowhere."""
    return UnboundSettings(
        **{
            "secret": SecretStr(base64.b64encode(b"s" * 32).decode()),
            "issuers": tuple(issuers),
            "state_url": SecretStr("postgresql://nobody@127.0.0.1:9/none"),
            "city": build_plain_city(),
            "snapshot_folder": Path(tempfile.gettempdir()) / "simpul-no-snapshots",
            "agency_timeout": 2.0,
            "failed_tokens": 0,  # attacks send hundreds
            "shed_after": 0,  # and share the hub's event loop, which they make late
            **overrides,
        }
    )


@asynccontextmanager
async def run_small_hub(
    issuers: Sequence[Issuer],
    *,
    own: Any = MappingProxyType({}),  # noqa: ANN401 - `Mapping[type, object]`; settings that are kept in one dict may be given, too
    recorder: Any = None,  # noqa: ANN401 - a `ReadRecorder`; the same
    sessions: Any = None,  # noqa: ANN401 - a `SessionStore`; the same
    **overrides: Any,  # noqa: ANN401 - any setting
) -> AsyncIterator[SmallHub]:
    """A hub that trusts these issuers, served until the block ends, on the port of the settings if they set one.

    `own` answers domains that the small city does not have, `build_recorder` builds the recorder of reads, and
    `sessions` holds the sessions of its pages.
    """
    settings, city = build_settings(issuers, **overrides), SmallCity()

    @asynccontextmanager
    async def open_nothing(_app: Starlette) -> AsyncIterator[None]:
        yield

    app = server.compose(
        settings,
        HubParts(
            schema=build_city_schema(),
            agencies=city.agencies(own),
            agency_probes=AgencyProbes({}),
            lifespan=open_nothing,
            recorder=recorder or NoReadRecorder(),
            sessions=sessions or InMemorySessions(),
        ),
    )
    listening = socket.create_server((HOST, settings.port if "listen" in overrides else 0))
    port = listening.getsockname()[1]
    web = uvicorn.Server(build_uvicorn_config(app, HOST, port, settings.web))
    serving = asyncio.create_task(web._serve(sockets=[listening]))
    try:
        async with asyncio.timeout(10):
            while not web.started and not serving.done():  # noqa: ASYNC110 - the server sets no event
                await asyncio.sleep(0.01)
        async with aiohttp.ClientSession(f"http://{HOST}:{port}") as http:
            yield SmallHub(city, http, f"http://{HOST}:{port}", app.paths)
    finally:
        web.should_exit = True
        await serving
