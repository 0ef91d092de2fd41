"""`python -m benchmarks.open_load`: requests at random times, independent of earlier answers.

A load that waits for each answer slows down with the server, and so never exceeds its capacity. Here requests arrive
at random (a Poisson process), each on a free connection. Without a free connection a request waits here, and its time
counts from its arrival.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import cast

import orjson
import uvloop

CONNECTIONS = 800
_GRACE_S = 2.0
"""Seconds to wait for answers after the last request."""
_STATUS = slice(9, 12)
_OK = b"200"


@dataclass(slots=True)
class _ScheduledRequest:
    name: str
    bytes: bytes
    arrived_at: float


@dataclass(slots=True)
class OpenLoadResult:
    """The results of the requests of one name."""

    sent: int = 0
    refused: int = 0
    answered: list[float] = field(default_factory=list)
    """Milliseconds each."""
    failed: int = 0


class _LoadConnection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, load: _OpenLoad) -> None:
        self._load = load
        self._request: _ScheduledRequest | None = None
        self._received = bytearray()
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def send(self, request: _ScheduledRequest) -> None:
        self._request = request
        self._transport.write(request.bytes)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _content_length(head):
            return
        status, self._received = bytes(self._received[_STATUS]), bytearray()
        request, self._request = self._request, None
        if request is not None:
            self._load.ended(request, status, self)

    def connection_lost(self, _error: Exception | None) -> None:
        if self._request is not None:
            self._load.seen[self._request.name].failed += 1


def _content_length(head: bytearray) -> int:
    _, _, tail = head.lower().partition(b"content-length:")
    return int(tail.partition(b"\r\n")[0])


class _OpenLoad:
    """The load and its results."""

    def __init__(self, names: set[str]) -> None:
        self.seen = {name: OpenLoadResult() for name in names}
        self._free: deque[_LoadConnection] = deque()
        self._waiting: deque[_ScheduledRequest] = deque()

    async def connect(self, host: str, port: int, count: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count):
            _, connection = await loop.create_connection(lambda: _LoadConnection(self), host, port)
            self._free.append(connection)

    def send(self, request: _ScheduledRequest) -> None:
        self.seen[request.name].sent += 1
        if self._free:
            self._free.popleft().send(request)
        else:
            self._waiting.append(request)

    def ended(self, request: _ScheduledRequest, status: bytes, connection: _LoadConnection) -> None:
        seen = self.seen[request.name]
        if status == _OK:
            seen.answered.append((perf_counter() - request.arrived_at) * 1000)
        elif status == b"503":
            seen.refused += 1
        else:
            seen.failed += 1
        if self._waiting:
            connection.send(self._waiting.popleft())
        else:
            self._free.append(connection)


async def _run(
    at: tuple[str, int], kinds: Mapping[str, Sequence[bytes]], shares: Mapping[str, float], rate: float, seconds: float
) -> dict[str, OpenLoadResult]:
    load = _OpenLoad(set(kinds))
    await load.connect(*at, CONNECTIONS)
    chance = random.Random(f"{rate}")  # noqa: S311 - the same load for each hub
    names, weights = list(shares), list(shares.values())
    began = perf_counter()
    due = 0.0
    while due < seconds:
        now = perf_counter() - began
        while due <= now:
            name = chance.choices(names, weights)[0]
            load.send(_ScheduledRequest(name, chance.choice(kinds[name]), began + due))
            due += chance.expovariate(rate)
        await asyncio.sleep(min(due - now, 0.001))
    await asyncio.sleep(_GRACE_S)
    return load.seen


def _render(each: dict[str, str], host: str) -> bytes:
    body = each["body"].encode()
    lines = (
        "POST /graphql HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"Authorization: {each['authorization']}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def main() -> None:
    """Run the load, and write the results as JSON."""
    host, port, requests, rate, seconds, into = sys.argv[1:]
    requests_by_kind = orjson.loads(Path(requests).read_bytes())
    kinds: dict[str, list[bytes]] = {}
    for each in requests_by_kind["requests"]:
        kinds.setdefault(each["name"], []).append(_render(each, f"{host}:{port}"))
    seen = uvloop.run(_run((host, int(port)), kinds, requests_by_kind["shares"], float(rate), float(seconds)))
    Path(into).write_bytes(orjson.dumps(seen))


if __name__ == "__main__":
    main()
