"""The same driver on the hub's event loop, whose transports are not asyncio's own."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

import pytest
import uvloop

from connectors.drivers.http import connection
from connectors.drivers.http.service import HttpRequest
from records.calls.failures import AgencyMalformed, AgencyTimeout, AgencyUnavailable
from tests.connectors.drivers.byte_server import ReceivedRequest, answer_with, reply, silence
from tests.connectors.drivers.scripted_driver import (
    both_ways,
    call,
    driver_of,
    dying_after_the_first_answer,
    get_failure,
    run_driver,
)

Run: TypeAlias = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture
def run() -> Run:
    def on_uvloop(test: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(asyncio.wait_for(test, 10))

    return on_uvloop


@both_ways
def test_connections_are_kept(run: Run, method: str) -> None:
    async def test() -> None:
        async with run_driver(reply(200, b"one")) as (driver, server):
            for _ in range(3):
                assert (await driver.send(HttpRequest(method, "/"), call())).body == b"one"
        assert (len(server.asked), server.connections) == (3, 1)

    run(test())


@both_ways
def test_silence_ends_at_the_deadline(run: Run, method: str) -> None:
    async def test() -> None:
        assert isinstance(await get_failure(silence, method=method, seconds=0.1), AgencyTimeout)

    run(test())


@both_ways
def test_a_body_may_end_with_the_connection_but_a_truncated_one_is_unavailable(run: Run, method: str) -> None:
    async def test() -> None:
        async with run_driver(answer_with(b"HTTP/1.1 200 OK\r\n\r\none", then_hang_up=True)) as (driver, _):
            assert (await driver.send(HttpRequest(method, "/"), call())).body == b"one"
        cut = answer_with(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\none", then_hang_up=True)
        assert isinstance(await get_failure(cut, method=method), AgencyUnavailable)

    run(test())


@both_ways
def test_what_is_not_http_is_malformed(run: Run, method: str) -> None:
    async def test() -> None:
        assert isinstance(await get_failure(b"HELLO, I AM NOT HTTP\r\n\r\n", method=method), AgencyMalformed)

    run(test())


def test_a_dead_reused_connection_does_not_fail_a_read(run: Run) -> None:
    async def test() -> None:
        async with dying_after_the_first_answer() as (driver, server):
            for _ in range(2):
                assert (await driver.send(HttpRequest("GET", "/"), call())).body == b"ok"
        assert server.connections == 2

    run(test())


def test_an_idle_connection_is_closed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "IDLE_TIMEOUT", 0.05)

    async def test() -> None:
        async with run_driver(reply()) as (driver, server):
            await driver.send(HttpRequest("GET", "/"), call(0.5))
            await server.deserted.wait()

    run(test())


def test_a_cancelled_call_ends_and_its_place_is_free(run: Run) -> None:
    async def script(asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        if asked.target == "/slow":
            await silence(asked, writer)
        writer.write(reply(200, b"two"))

    async def test() -> None:
        async with run_driver(script, connections=1) as (driver, server):
            slow = asyncio.create_task(driver.send(HttpRequest("GET", "/slow"), call()))
            await server.busy.wait()
            slow.cancel()
            await asyncio.wait([slow])
            assert (await driver.send(HttpRequest("GET", "/"), call())).body == b"two"
            await server.left.wait()

    run(test())


@both_ways
def test_an_agency_that_is_down_is_unavailable(
    run: Run, method: str, unused_tcp_port_factory: Callable[[], int]
) -> None:
    async def test() -> None:
        driver = driver_of(f"http://localhost:{unused_tcp_port_factory()}")
        with pytest.raises(AgencyUnavailable) as caught:
            await driver.send(HttpRequest(method, "/"), call())
        assert caught.value.detail == "ClientConnectorError"
        await driver.close()

    run(test())
