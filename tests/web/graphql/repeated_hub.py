"""A hub with the production composition for repeated requests, and a client that sees every byte of its responses."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, cast

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.types import Scope

import server
from auth.crypto.key_ring import ANSWER_INFO, KeyRing
from cache.answers.cache_keys import CacheKeyBuilder
from cache.answers.read_through import ReadThroughCache
from connectors.agency_probes import AgencyProbes
from engine.sharing.shared_answers import SharedAnswers
from records.clocks import Clocks
from resolvers.answer_cache import NoAnswerCache
from resolvers.cached_batches import CachedBatchReader
from resolvers.prices import Prices
from tests.fakes.small_city import SmallCity
from tests.fakes.small_hub import HOST, build_city_schema, build_settings
from tests.fakes.waiting import wait_until
from web.application import WebApplication
from web.server.single_write_response import NoTasklessAnswers, WholeExchange
from web.server.uvicorn_config import build_uvicorn_config
from wiring.hub_parts import HubParts

GRAPHQL_RESPONSE = "Accept: application/graphql-response+json"
MARKETS = "{ markets(first: 1) { name } }"
_SECRET = b"a secret of thirty-two bytes...."
_CHANGING = frozenset({"connection", "date", "x-request-id"})
"""Headers that may differ. The endpoint refuses a caller beyond its rate before it reads the body, and so closes the
connection; a request without a task has been read."""


class PausableCity:
    """The small city, whose calls wait while it is paused, and fail with `bug` if that is set."""

    def __init__(self, city: SmallCity) -> None:
        self._city = city
        self.go = asyncio.Event()
        self.go.set()
        self.bug: Exception | None = None
        self.waiting = 0
        self.cancelled = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a read of a connector
        read = getattr(self._city, name)

        async def answer(*given: Any) -> Any:  # noqa: ANN401 - whatever it is asked and answers
            self.waiting += 1
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
            finally:
                self.waiting -= 1
            if self.bug is not None:
                raise self.bug
            return await read(*given)

        return answer


@dataclass(frozen=True)
class RawResponse:
    """One response as it came."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        return orjson.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["errors"][0]["extensions"]["code"])

    def get(self, name: str) -> str | None:
        """The value of a header; None without it."""
        return next((value for each, value in self.headers if each == name), None)

    @property
    def comparable(self) -> tuple[int, list[tuple[str, str]], bytes]:
        """Everything that equal requests have in common; ids of requests and incidents are replaced."""
        body = re.sub(rb"\b(?:[0-9a-f]{12}|[0-9a-f]{32})\b", b"N", self.body)
        headers = [each for each in self.headers if each[0] not in _CHANGING]
        return self.status, sorted(headers), body


class RawConnection:
    """A connection that stays open."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def open(self) -> None:
        """Connect, again if the server closed the former connection."""
        if hasattr(self, "_writer"):
            await self.wait_closed()
        self._reader, self._writer = await asyncio.open_connection(HOST, self._port)

    def send(self, body: bytes | str, *lines: str, path: str = "/graphql") -> None:
        """Send a request; a text is the query of its body. `lines` are header lines besides those of every request."""
        data = orjson.dumps({"query": body}) if isinstance(body, str) else body
        usual = [
            f"POST {path} HTTP/1.1",
            "Host: 127.0.0.1",
            "Content-Type: application/json",
            f"Content-Length: {len(data)}",
        ]
        if not any(each.lower().startswith("accept:") for each in lines):
            usual.append("Accept: application/json")
        self._writer.write(("\r\n".join([*usual, *lines]) + "\r\n\r\n").encode("latin-1") + data)

    async def receive(self) -> RawResponse:
        """The next response."""
        async with asyncio.timeout(10):
            head = await self._reader.readuntil(b"\r\n\r\n")
            status, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
            headers = [(name.lower(), value) for name, _, value in (each.partition(": ") for each in lines)]
            length = int(dict(headers)["content-length"])
            return RawResponse(int(status.split(" ")[1]), headers, await self._reader.readexactly(length))

    async def ask(self, body: bytes | str, *lines: str, path: str = "/graphql") -> RawResponse:
        """Send a request, and wait for its response."""
        self.send(body, *lines, path=path)
        response = await self.receive()
        if response.get("connection") == "close":
            await self.open()
        return response

    def close(self) -> None:
        """Disconnect."""
        self._writer.close()

    def end_sending(self) -> None:
        """Close this side alone."""
        self._writer.write_eof()

    async def wait_closed(self) -> None:
        """Disconnect, and wait for it."""
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


class ClockedCache(NoAnswerCache):
    """A cache of agency answers whose clock tests set."""

    def __init__(self) -> None:
        self.now = 1_000.0
        cache = ReadThroughCache(
            max_bytes=1_000_000,
            key_builder=CacheKeyBuilder(_SECRET),
            sealer=KeyRing([_SECRET], ANSWER_INFO),
            clocks=Clocks(monotonic=lambda: self.now, wall=lambda: self.now),
        )
        self.batch_cache: CachedBatchReader = CachedBatchReader(cache, timeout=5.0)


@dataclass
class RepeatedHub:
    """A running hub."""

    port: int
    app: WebApplication
    city: SmallCity
    prices: PausableCity
    server: uvicorn.Server
    heads: dict[bytes, object]
    """The heads that are kept."""
    starts: list[bool] = field(default_factory=list)
    """Whether each request was answered without the endpoint."""
    uses: Counter[frozenset[str]] = field(default_factory=Counter)
    connections: list[RawConnection] = field(default_factory=list)

    @property
    def answers(self) -> SharedAnswers:
        return self.app.repeated_requests.answers

    @property
    def taskless(self) -> int:
        """The number of requests that were answered without a task."""
        return self.starts.count(True)

    async def connect(self) -> RawConnection:
        """A new connection."""
        connection = RawConnection(self.port)
        await connection.open()
        self.connections.append(connection)
        return connection

    async def count(self) -> dict[str, Any]:
        """All counters, when the last request has ended."""
        served = self.app.repeated_requests.served_requests
        await wait_until(lambda: served._counts.in_flight == 0 and served._load_shedder.in_flight == 0)
        meter = cast("Any", self.answers._reporting.meter)
        return {
            "statuses": dict(served._route_counts.statuses),
            "durations": sum(served._route_counts.durations.counts),
            "operations": {
                names: (dict(each.outcomes), each.points, sum(each.durations.counts))
                for names, each in getattr(meter, "_operations", {}).items()  # not of a hub with traces
            },
            "shared": dict(getattr(meter, "_shared", {})),
            "uses": dict(self.uses),
            "finished": served._load_shedder._capacity.finished,
            "waiting": (len(self.answers.pending), len(self.app.repeated_requests.waiting)),
        }


@asynccontextmanager
async def serve_repeated(
    *,
    is_reference: bool = False,
    issuers: Sequence[Any] = (),
    answer_cache: Any = None,  # noqa: ANN401 - an answer cache
    parts: Any = None,  # noqa: ANN401 - `Mapping[str, object]`: other parts of the hub
    overrun_grace: float = 1.0,
    **overrides: Any,  # noqa: ANN401 - any setting
) -> AsyncIterator[RepeatedHub]:
    """A hub, served until the block ends. In a reference, the endpoint serves every request."""
    settings = build_settings(issuers, **overrides)
    city = SmallCity()
    prices = PausableCity(city)

    @asynccontextmanager
    async def open_nothing(_app: Starlette) -> AsyncIterator[None]:
        yield

    hub_parts = HubParts(
        schema=build_city_schema(),
        agencies=city.agencies({Prices: prices}),
        agency_probes=AgencyProbes({}),
        lifespan=open_nothing,
        answer_cache=answer_cache or NoAnswerCache(),
        **(parts or {}),
    )
    app = server.compose(settings, hub_parts)
    repeated = app.repeated_requests
    repeated._overrun_grace = overrun_grace  # no setting of operators
    app._endpoint._settings = replace(settings.web, overrun_grace=overrun_grace)
    starts: list[bool] = []
    original = NoTasklessAnswers().answer if is_reference else repeated.answer

    class Watched:
        """Notes which requests are answered without the endpoint."""

        def answer(self, scope: Scope, body: bytes, exchange: WholeExchange) -> bool:
            start = original(scope, body, exchange)
            starts.append(start)
            return start

    app.repeated_requests = cast("Any", Watched())
    config = build_uvicorn_config(app, HOST, 0, settings.web)
    app.repeated_requests = repeated
    web = uvicorn.Server(config)
    serving = asyncio.create_task(web._serve())
    await wait_until(lambda: web.started or serving.done())
    protocol = cast("Any", config.http)
    port = web.servers[0].sockets[0].getsockname()[1]
    hub = RepeatedHub(port, app, city, prices, web, protocol.known_heads._heads, starts)
    uses = cast("Any", repeated.answers._reporting.uses)
    if hasattr(uses, "__dict__"):
        record = uses.record

        def count_use(coordinates: frozenset[str], times: int) -> None:
            hub.uses[coordinates] += times
            record(coordinates, times)

        uses.record = count_use
    try:
        yield hub
    finally:
        prices.go.set()
        for each in hub.connections:
            await each.wait_closed()
        web.should_exit = True
        await serving


Script = Callable[[RepeatedHub, RawConnection], Awaitable[list[RawResponse]]]


def repeat(body: bytes | str, *lines: str, times: int = 5) -> Script:
    """The same request several times over one connection."""

    async def script(_hub: RepeatedHub, connection: RawConnection) -> list[RawResponse]:
        return [await connection.ask(body, *lines) for _ in range(times)]

    return script


async def warm(connection: RawConnection, body: bytes | str = MARKETS, *lines: str) -> list[RawResponse]:
    """Head, body and operation are known from now on."""
    return [await connection.ask(body, *lines) for _ in range(2)]


async def start_waiting(hub: RepeatedHub, connections: list[RawConnection], *lines: str, query: str = MARKETS) -> None:
    """All send the same request while the agency hangs; returns when all of them wait."""
    hub.prices.go.clear()
    first, *others = connections
    first.send(query, *lines)
    await wait_until(lambda: hub.prices.waiting == 1)  # before Python 3.12, a run begins in the next turn
    for each in others:
        each.send(query, *lines)
    counts = hub.app.repeated_requests.served_requests._counts
    await wait_until(lambda: counts.in_flight == len(connections))
