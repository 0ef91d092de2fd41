"""A silently lost network path costs one deadline, however many connections were idle on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import pytest

from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpLimits, HttpRequest, HttpService
from connectors.drivers.sql.driver import SqlDriver
from records.calls.failures import AgencyTimeout
from sandbox.fault_proxy import FaultKind, FaultProxy, WireFault, run_fault_proxy
from tests.connectors.drivers.byte_server import ReceivedRequest, serve_bytes
from tests.connectors.drivers.scripted_driver import both_ways, call
from tests.sandbox_agencies import HOST, RunningAgency, free_port

DEADLINE_S = 1.5
CONCURRENT_CALLS = 4
Ask = Callable[[], Awaitable[Any]]


async def answers(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
    """Late enough that queries at the same time need separate connections."""
    await asyncio.sleep(0.05)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@asynccontextmanager
async def http_behind_a_relay(method: str) -> AsyncIterator[tuple[FaultProxy, Ask]]:
    async with (
        serve_bytes(answers) as agency,
        run_fault_proxy(port=free_port(), to=int(agency.url.rpartition(":")[2])) as proxy,
    ):
        driver = HttpDriver(
            HttpService("crm", f"http://{HOST}:{proxy.port}", headers={}),
            HttpLimits(deadline=DEADLINE_S, connections=CONCURRENT_CALLS, max_bytes=100),
        )
        try:
            yield proxy, lambda: driver.send(HttpRequest(method, "/", repeatable=True), call())
        finally:
            await driver.close()


@asynccontextmanager
async def sql_behind_a_relay(agency: RunningAgency) -> AsyncIterator[tuple[FaultProxy, Ask]]:
    scheme, database = ("postgresql", "siak") if agency.name == "dukcapil" else ("mysql", "jakpreneur")
    pause = "pg_sleep(0.05)" if agency.name == "dukcapil" else "sleep(0.05)"
    async with run_fault_proxy(port=free_port(), to=agency.port) as proxy:
        url = f"{scheme}://{agency.user}:{agency.secret}@{HOST}:{proxy.port}/{database}"
        driver = SqlDriver(agency.name, url, deadline=DEADLINE_S, pool_size=CONCURRENT_CALLS)
        try:
            yield proxy, lambda: driver.rows(f"SELECT 1 AS one, {pause} AS two", {}, call())
        finally:
            await driver.close()


async def lost_and_found(proxy: FaultProxy, ask: Ask) -> None:
    await asyncio.gather(*(ask() for _ in range(CONCURRENT_CALLS)))
    assert proxy.connections == CONCURRENT_CALLS
    await proxy.inject(WireFault(kind=FaultKind.HALF_OPEN))
    await proxy.clear()

    with pytest.raises(AgencyTimeout):
        await ask()

    began = monotonic()
    await asyncio.gather(*(ask() for _ in range(CONCURRENT_CALLS)))
    assert monotonic() - began < DEADLINE_S, "the others were not tried one by one"


@both_ways
async def test_over_http_only_the_first_call_waits_for_a_lost_path(method: str) -> None:
    async with http_behind_a_relay(method) as (proxy, ask):
        await lost_and_found(proxy, ask)


async def test_on_postgresql_only_the_first_call_waits_for_a_lost_path(dukcapil: RunningAgency) -> None:
    async with sql_behind_a_relay(dukcapil) as (proxy, ask):
        await lost_and_found(proxy, ask)


async def test_on_mariadb_only_the_first_call_waits_for_a_lost_path(
    jakpreneur_mariadb: RunningAgency,
) -> None:
    async with sql_behind_a_relay(jakpreneur_mariadb) as (proxy, ask):
        await lost_and_found(proxy, ask)


@both_ways
async def test_one_slow_answer_closes_no_connection_that_works(method: str) -> None:
    slow = asyncio.Event()

    async def script(asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        if asked.target == "/slow":
            await slow.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with serve_bytes(script) as agency:
        driver = HttpDriver(
            HttpService("crm", agency.url, headers={}),
            HttpLimits(deadline=DEADLINE_S, connections=CONCURRENT_CALLS, max_bytes=100),
        )
        hanging = asyncio.ensure_future(driver.send(HttpRequest(method, "/slow", repeatable=True), call()))
        while not hanging.done():
            await driver.send(HttpRequest(method, "/", repeatable=True), call())
        with pytest.raises(AgencyTimeout):
            await hanging
        await driver.send(HttpRequest(method, "/", repeatable=True), call())
        assert agency.connections == 2
        await driver.close()
