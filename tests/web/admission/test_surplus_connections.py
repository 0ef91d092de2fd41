"""More connections than the limit: older connections are served, surplus connections are refused."""

from __future__ import annotations

import asyncio
import json

from auth.caller import Caller, CallerKind
from auth.tokens.unverified_claims import UnverifiedClaims
from tests.fakes.waiting import wait_until
from tests.web.conftest import GraphServer, serve_application
from tests.web.small_graph import SITI
from web.admission.emergency_lane import parse_lane
from web.admission.load import Urgency
from web.admission.load_shedder import LoadShedder
from web.settings import WebSettings

MOST = 20
RESERVE = 2
_BODY = b'{"query": "{ whoAmI }"}'


class SitiToken:
    """Siti's token was verified recently."""

    def find_recent_caller(self, authorization: str, _certificate: str | None) -> Caller | None:
        return (
            Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI)
            if authorization == "Bearer token-of-siti"
            else None
        )

    def parse_unverified_claims(self, _authorization: str) -> UnverifiedClaims | None:
        return None


class RawClient:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, *headers: bytes, target: bytes = b"POST /graphql") -> tuple[bytes, dict[str, object], bool]:
        """Status line, body, and whether the connection stays open."""
        body = _BODY if target.startswith(b"POST") else b""
        lines = (target + b" HTTP/1.1", b"Host: localhost", b"Content-Type: application/json", *headers)
        self._writer.write(b"\r\n".join(lines) + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        head = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 5)
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        answer = json.loads(await self._reader.readexactly(length))
        return head.partition(b"\r\n")[0], answer, b"connection: close" not in head

    def close(self) -> None:
        self._writer.close()


async def open_connections(hub: GraphServer, count: int) -> list[RawClient]:
    """Open more connections, and wait until the hub counts them."""
    before = len(hub.server.server_state.connections)
    clients = [RawClient(*await hub.connect()) for _ in range(count)]
    await wait_until(lambda: len(hub.server.server_state.connections) == before + count)
    return clients


async def test_a_surplus_connection_is_refused_and_older_connections_are_served() -> None:
    async with serve_application(WebSettings(max_connections=MOST), load_shedder=LoadShedder(max_lag=0.1)) as hub:
        there = await open_connections(hub, MOST)
        [surplus] = await open_connections(hub, 1)
        status, answer, kept = await surplus.ask()
        assert (status, kept) == (b"HTTP/1.1 503 Service Unavailable", False)
        assert answer["errors"][0]["extensions"] == {"code": "OVERLOADED"}  # type: ignore[index]  # JSON
        assert await there[0].ask() == (b"HTTP/1.1 200 OK", {"data": {"whoAmI": "anonymous"}}, True)
        assert len(hub.graph.calls) == 1
        for each in (surplus, *there):
            each.close()


async def test_health_checks_and_the_lane_are_served_over_surplus_connections() -> None:
    shedding = LoadShedder(max_lag=0.1, lane=parse_lane(["kind:citizen"]), tokens=SitiToken())
    async with serve_application(WebSettings(max_connections=MOST), load_shedder=shedding) as hub:
        there = await open_connections(hub, MOST)
        [watcher] = await open_connections(hub, 1)
        status, _, kept = await watcher.ask(target=b"GET /health/live")
        assert (status, kept) == (b"HTTP/1.1 200 OK", False)
        await wait_until(lambda: len(hub.server.server_state.connections) == MOST)
        [rescuer] = await open_connections(hub, 1)
        answer = await rescuer.ask(b"Authorization: Bearer token-of-siti")
        assert answer == (b"HTTP/1.1 200 OK", {"data": {"whoAmI": "citizen"}}, False)
        for each in (watcher, rescuer, *there):
            each.close()


async def test_beyond_the_reserve_requests_are_refused_and_only_counted() -> None:
    shedding = LoadShedder(max_lag=0.1)
    async with serve_application(WebSettings(max_connections=MOST), load_shedder=shedding) as hub:
        there = await open_connections(hub, MOST + RESERVE)
        [last] = await open_connections(hub, 1)
        status, answer, kept = await last.ask(target=b"GET /health/live")
        assert (status, kept) == (b"HTTP/1.1 503 Service Unavailable", False)
        error = answer["errors"][0]  # type: ignore[index]  # JSON
        assert error["extensions"] == {"code": "OVERLOADED"}
        assert error["message"].startswith("More than 20 connections to the hub are open.")
        assert shedding.load.refused[Urgency.ANONYMOUS] == 1
        for each in (last, *there):
            each.close()


async def test_a_surplus_connection_becomes_ordinary_when_another_closes() -> None:
    async with serve_application(WebSettings(max_connections=MOST), load_shedder=LoadShedder(max_lag=0.1)) as hub:
        there = await open_connections(hub, MOST)
        [surplus] = await open_connections(hub, 1)
        there[0].close()
        await wait_until(lambda: len(hub.server.server_state.connections) == MOST)
        for _ in range(2):
            assert await surplus.ask() == (b"HTTP/1.1 200 OK", {"data": {"whoAmI": "anonymous"}}, True)
        for each in (surplus, *there):
            each.close()
