"""Idle connections to Redis when the server closes them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography import x509
from redis.exceptions import ConnectionError as RedisConnectionError

from cache.answers.redis_tier import InvalidationListener, RedisTier
from cache.answers.shared_tier import CacheKey
from cache.redis_connection import connect_redis
from tests.cache.limits.counter_processes import run_counters
from tests.cache.valkey import LocalValkey, wait_until
from tests.connectors.drivers.certificates import make_certificate
from tests.fakes.cancelling import cancel_at_any_moment
from tests.sandbox_agencies import HOST

_HALF_CLOSED = "08"
"""The state in `/proc/net/tcp` of a connection that only the peer closed."""


def half_closed(port: int) -> int:
    """The number of connections to this port that the server closed and the hub did not."""
    lines = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    return sum(1 for each in lines if each[3] == _HALF_CLOSED and int(each[2].rpartition(":")[2], 16) == port)


@asynccontextmanager
async def cached_answers(valkey: LocalValkey) -> AsyncIterator[None]:
    tier = RedisTier(
        valkey.url,
        max_lifetime=60.0,
        timeout=1.0,
        retry_delay=60.0,
        listener=InvalidationListener(on_invalidated=lambda _: None, on_unsubscribed=lambda: None),
    )
    await tier.start()
    try:
        await asyncio.gather(*(tier.look_up([CacheKey("name", ("tag",))]) for _ in range(4)))
        yield
    finally:
        await tier.close()


@asynccontextmanager
async def shared_counts(valkey: LocalValkey) -> AsyncIterator[None]:
    async with run_counters(valkey):
        yield


@pytest.mark.parametrize("using", [cached_answers, shared_counts])
async def test_a_hub_without_requests_holds_no_connection_that_redis_has_closed(
    using: Callable[[LocalValkey], AbstractAsyncContextManager[None]], valkey: LocalValkey
) -> None:
    async with using(valkey):
        valkey.kill()
        assert half_closed(valkey.port)  # the loop has not run since
        await wait_until(lambda: not half_closed(valkey.port))


@dataclass
class Relay:
    """A proxy before a Valkey, at an address of another scheme, that hangs up on demand."""

    valkey: LocalValkey
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    connections: int = 0
    deserted: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the client has closed its side as well."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.deserted.clear()
        self.writers.add(writer)
        there, out = await asyncio.open_connection(HOST, self.valkey.port)
        back = asyncio.create_task(self._pass_on(there, writer))
        await self._pass_on(reader, out)
        self.deserted.set()
        await back
        writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
        if writer not in self.writers:
            writer.close()

    def hang_up(self) -> None:
        for writer in self.writers:
            writer.write_eof() if writer.can_write_eof() else writer.close()
        self.writers.clear()


@asynccontextmanager
async def relayed(scheme: str, valkey: LocalValkey) -> AsyncIterator[tuple[str, Relay]]:
    relay, tls, options = Relay(valkey), None, "?socket_keepalive=yes"
    with TemporaryDirectory() as name:  # short, because the path of a socket has 100 characters at most
        if scheme == "rediss":
            file = make_certificate(Path(name), name=x509.IPAddress(ip_address(HOST)))
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(file)
            options = f"?ssl_ca_certs={file}"
        if scheme == "unix":
            server, url = await asyncio.start_unix_server(relay.serve, f"{name}/redis"), f"unix://{name}/redis"
        else:
            server = await asyncio.start_server(relay.serve, HOST, 0, ssl=tls)
            url = f"{scheme}://{HOST}:{server.sockets[0].getsockname()[1]}/0{options}"
        try:
            yield url, relay
        finally:
            relay.hang_up()
            server.close()


@pytest.mark.parametrize("scheme", ["redis", "rediss", "unix"])
async def test_an_idle_connection_that_redis_closes_is_closed_here_and_replaced(
    scheme: str, valkey: LocalValkey
) -> None:
    lost: list[int] = []
    async with (
        asyncio.timeout(10),
        relayed(scheme, valkey) as (url, relay),
        connect_redis(url, connect_timeout=5.0, when_lost=lambda: lost.append(relay.connections)) as client,
    ):
        await client.set("name", "before")
        assert (relay.connections, lost) == (1, [])
        relay.hang_up()
        await relay.deserted.wait()
        assert lost == [1]
        assert await client.get("name") == b"before"
        assert relay.connections == 2


async def test_a_command_on_a_closing_connection_leaves_the_event_loop_intact(valkey: LocalValkey) -> None:
    async with connect_redis(valkey.url, connect_timeout=5.0) as client:
        await client.set("name", "before")
        valkey.kill()
        with pytest.raises(RedisConnectionError):  # the loop has not run since, so the end comes with the command
            await client.get("name")
        valkey.start()
        assert await client.get("name") is None


async def test_a_command_that_is_cancelled_at_any_moment_does_not_go_on(valkey: LocalValkey) -> None:
    async with connect_redis(valkey.url, connect_timeout=5.0) as client:
        await client.set("name", "value")
        assert await cancel_at_any_moment(lambda: asyncio.ensure_future(client.get("name"))) == b"value"
