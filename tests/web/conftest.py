"""Real servers on loopback: the web application under uvicorn, behind a small graph."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvicorn

from tests.fakes.waiting import wait_until
from tests.store.conftest import empty, migrated, state_url  # noqa: F401 - fixtures for the tests here too
from tests.web.small_graph import SmallGraph, authenticate, ready, sample_people
from web.application import build_web_application
from web.middleware.entity_tags import EntityTags
from web.server.uvicorn_config import build_uvicorn_config
from web.settings import Exposure, WebSettings
from web.web_parts import WebParts

ROOT = Path(__file__).parents[2]
EXAMPLES = Path(__file__).parent / "examples"


@dataclass
class GraphServer:
    """A running server."""

    port: int
    graph: SmallGraph
    http: aiohttp.ClientSession
    server: uvicorn.Server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def post(self, body: bytes | str | dict[str, Any], **headers: str) -> "ServerResponse":
        """POST to /graphql as JSON; headers are written with underscores."""
        data = json.dumps(body) if isinstance(body, dict) else body
        sent = {"Content-Type": "application/json"} | to_header_names(headers)
        stream = BytesIO(data.encode() if isinstance(data, str) else data)
        async with self.http.post("/graphql", data=stream, headers=sent) as response:
            return await ServerResponse.read_from(response)

    async def get(self, path: str, params: Any = None, **headers: str) -> "ServerResponse":  # noqa: ANN401 - what aiohttp takes
        async with self.http.get(
            path, params=params, headers=to_header_names(headers), allow_redirects=False
        ) as response:
            return await ServerResponse.read_from(response)

    async def request(self, method: str, path: str, **headers: str) -> "ServerResponse":
        async with self.http.request(method, path, headers=to_header_names(headers)) as response:
            return await ServerResponse.read_from(response)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A bare connection, for clients that misbehave."""
        return await asyncio.open_connection("127.0.0.1", self.port)

    def has_connection(self, client: tuple[str, int]) -> bool:
        """Whether the server still has the connection from this address."""
        connections = self.server.server_state.connections
        return any(getattr(connection, "client", None) == client for connection in connections)


@dataclass
class ServerResponse:
    """A response, read completely."""

    status: int
    headers: Any
    body: bytes
    json: Any

    @classmethod
    async def read_from(cls, response: aiohttp.ClientResponse) -> "ServerResponse":
        body = await response.read()
        value = json.loads(body) if body and "json" in response.content_type else None
        return cls(response.status, response.headers, body, value)

    @property
    def code(self) -> str:
        code = self.json["errors"][0]["extensions"]["code"]
        assert isinstance(code, str)
        return code

    @property
    def message(self) -> str:
        message = self.json["errors"][0]["message"]
        assert isinstance(message, str)
        return message


def to_header_names(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@asynccontextmanager
async def serve_application(settings: WebSettings, **parts: Any) -> AsyncIterator[GraphServer]:  # noqa: ANN401 - more for the application
    """The application with a small graph, served until the block ends; `parts` replace or add parts."""
    graph = SmallGraph()
    defaults = {
        "execute": graph.execute,
        "authenticate": authenticate,
        "ready": ready,
        "sample_people": sample_people if settings.development else None,
        "entity_tags": EntityTags(b"s" * 32),
    }
    application = build_web_application(WebParts(settings=settings, **(defaults | parts)))
    server = uvicorn.Server(build_uvicorn_config(application, "127.0.0.1", 0, settings))
    task = asyncio.create_task(server._serve())
    await wait_until(lambda: server.started or task.done())
    port = server.servers[0].sockets[0].getsockname()[1]
    headers = {"User-Agent": "tests"}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers, auto_decompress=False) as http:
        yield GraphServer(port, graph, http, server)
    server.should_exit = True
    await task


@pytest.fixture(scope="session")
async def hub() -> AsyncIterator[GraphServer]:
    """The application as in production, with GraphiQL."""
    async with serve_application(
        WebSettings(graphiql=Exposure.ON, graphiql_packages=ROOT / "node_modules", graphiql_examples=EXAMPLES)
    ) as running:
        yield running


@pytest.fixture(scope="session")
async def hasty_hub() -> AsyncIterator[GraphServer]:
    """The application with short timeouts, for slow clients; trusts one foreign origin."""
    async with serve_application(
        WebSettings(
            header_timeout=0.3,
            body_timeout=0.3,
            write_timeout=0.5,
            keep_alive_timeout=1,
            request_timeout=0.2,
            overrun_grace=0.1,
            max_header_bytes=4096,
            allowed_origins=("https://app.example.go.id",),
            hsts_seconds=3600,
        )
    ) as running:
        yield running
