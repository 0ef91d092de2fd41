"""A driver and a scripted server, for tests of the exchange between them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest

from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpLimits, HttpRequest, HttpService
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from tests.connectors.drivers.byte_server import (
    ByteServer,
    ReceivedRequest,
    Script,
    reply,
    serve_bytes,
    serve_bytes_in_thread,
)

NIK = "3171014506909001"
SECRET = "kata-sandi-rahasia"

both_ways = pytest.mark.parametrize("method", ["GET", "POST"], ids=["own connections", "aiohttp"])
"""A read uses the hub's own connections, anything else aiohttp: callers must not notice a difference."""


def call(seconds: float = 5) -> Call:
    return Call(deadline=monotonic() + seconds, request_id="r-1")


@asynccontextmanager
async def run_driver(
    script: Script | bytes,
    *,
    path: str = "",
    deadline: float = 5,
    connections: int = 4,
    max_bytes: int = 1000,
    apart: bool = False,
) -> AsyncIterator[tuple[HttpDriver, ByteServer]]:
    """With `apart`, the server has its own thread: see `serve_bytes_in_thread`."""
    async with serve_bytes_in_thread(script) if apart else serve_bytes(script) as server:
        driver = HttpDriver(
            HttpService("crm", server.url + path, headers={"X-Key": SECRET}),
            HttpLimits(deadline=deadline, connections=connections, max_bytes=max_bytes),
        )
        try:
            yield driver, server
        finally:
            await driver.close()


async def get_failure(
    script: Script | bytes, *, method: str = "GET", seconds: float = 5, deadline: float = 5
) -> AgencyFailure:
    """Returns the failure of a request with a NIK and a secret, after a check that it reveals neither."""
    async with run_driver(script, deadline=deadline) as (driver, server):
        with pytest.raises(AgencyFailure) as caught:
            await driver.send(HttpRequest(method, f"/people/{NIK}", query={"nik": NIK}), call(seconds))
        told = f"{caught.value} {caught.value!r} {caught.value.detail} {vars(caught.value)}"
        for hidden in (NIK, SECRET, "127.0.0.1", server.url.rpartition(":")[2]):
            assert hidden not in told
        # A log of the traceback must not tell either: the library's errors carry the whole address.
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        return caught.value


def driver_of(address: str, *, deadline: float = 5) -> HttpDriver:
    return HttpDriver(
        HttpService("crm", address, headers={}), HttpLimits(deadline=deadline, connections=1, max_bytes=10)
    )


@asynccontextmanager
async def dying_after_the_first_answer() -> AsyncIterator[tuple[HttpDriver, ByteServer]]:
    """The second request finds its kept connection closed by the server only after it was sent."""
    answered = 0

    async def script(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        nonlocal answered
        answered += 1
        if answered == 2:
            writer.close()
        else:
            writer.write(reply(200, b"ok"))

    async with run_driver(script) as pair:
        yield pair
