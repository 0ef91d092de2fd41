"""Drivers behind a gate: what each reports about a call, and which replies count against the agency."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpLimits, HttpRequest, HttpService
from connectors.drivers.sql.driver import SqlDriver
from connectors.resilience.agency_terms import AgencyTerms, BreakerEntry, ClosedEntry
from connectors.resilience.breaker import BreakerState
from connectors.resilience.gate import Gate
from records.calls.call import Call
from records.calls.failures import AgencyClosed, AgencyFailure, AgencyMalformed, AgencyRefused, AgencyUnavailable
from records.identifiers import Nik
from tests.connectors.drivers.byte_server import ByteServer, ReceivedRequest, Script, reply, serve_bytes
from tests.connectors.pbb_answers import connect

NIK = Nik("3171014506909001")
UNKNOWN = (Path(__file__).parent.parent / "recorded" / "pbb_objects_unknown_nik.xml").read_bytes()
BREAKER = BreakerEntry(failures=1, pause=10.0)
READ_ONLY = ClosedEntry.model_validate({"first_day": "01-01", "last_day": "12-31", "to": "writes"})


def call(seconds: float = 5) -> Call:
    return Call(deadline=monotonic() + seconds, request_id="r-1")


def gate_of(agency: str, **terms: Any) -> Gate:  # noqa: ANN401 - any of the terms
    return Gate(agency, AgencyTerms(**{"deadline": 5.0, "max_concurrency": 4, **terms}))


@asynccontextmanager
async def driven(script: Script | bytes, gate: Gate) -> AsyncIterator[tuple[HttpDriver, ByteServer]]:
    async with serve_bytes(script) as server:
        driver = HttpDriver(
            HttpService(gate.agency, server.url, headers={}),
            HttpLimits(deadline=gate.deadline, connections=4, max_bytes=1000),
            gate=gate,
        )
        try:
            yield driver, server
        finally:
            await driver.close()


def failing_first(status: int) -> Script:
    """A server whose first reply is an error."""
    asked = 0

    async def script(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        writer.write(reply(status, b"") if asked == 1 else reply(200, b"ok"))

    return script


@pytest.mark.parametrize(
    ("method", "how", "times"),
    [("GET", {}, 2), ("HEAD", {}, 2), ("POST", {}, 1), ("POST", {"repeatable": True}, 2), ("PUT", {"body": b"x"}, 1)],
)
async def test_reads_are_repeated_and_writes_are_not(method: str, how: dict[str, Any], times: int) -> None:
    async with driven(failing_first(503), gate_of("crm", retries=1)) as (driver, server):
        outcome: object
        try:
            outcome = (await driver.send(HttpRequest(method, "x", **how), call())).status
        except AgencyUnavailable as failure:
            outcome = failure.detail
        assert outcome == (200 if times == 2 else "HTTP 503")
        assert len(server.asked) == times


async def test_an_agency_closed_to_writes_is_read_by_get_and_by_a_reading_post() -> None:
    async with driven(reply(200, b"ok"), gate_of("crm", closed=(READ_ONLY,))) as (driver, server):
        assert (await driver.send(HttpRequest("GET", "x"), call())).status == 200
        assert (await driver.send(HttpRequest("POST", "x", form={"a": "b"}, repeatable=True), call())).status == 200
        with pytest.raises(AgencyClosed):
            await driver.send(HttpRequest("POST", "x", form={"a": "b"}), call())
        assert [each.method for each in server.asked] == ["GET", "POST"]


@pytest.mark.parametrize(("status", "state"), [(500, BreakerState.OPEN), (403, BreakerState.CLOSED)])
async def test_http_5xx_opens_the_breaker_and_a_refusal_does_not(status: int, state: BreakerState) -> None:
    gate = gate_of("crm", breaker=BREAKER)
    async with driven(reply(status, b""), gate) as (driver, _):
        with pytest.raises(AgencyFailure):
            await driver.send(HttpRequest("GET", "x"), call())
    assert gate.breaker_state is state


FAULT = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
    b"<faultcode>s:%s</faultcode><faultstring>x</faultstring></s:Fault></s:Body></s:Envelope>"
)


def with_code(code: bytes) -> bytes:
    """An answer of the property tax with this `kode`, and HTTP 200."""
    return UNKNOWN.replace(b"<pbb:kode>14<", b"<pbb:kode>" + code + b"<")


@pytest.mark.parametrize(
    ("status", "body", "kind", "state"),
    [
        (500, FAULT % b"Server", AgencyUnavailable, BreakerState.OPEN),
        (500, FAULT % b"Client", AgencyRefused, BreakerState.CLOSED),
        (200, with_code(b"96"), AgencyUnavailable, BreakerState.OPEN),
        (200, with_code(b"68"), AgencyRefused, BreakerState.CLOSED),
        (200, b"<html>", AgencyMalformed, BreakerState.OPEN),
        (503, b"<html>", AgencyUnavailable, BreakerState.OPEN),
    ],
    ids=["server fault", "client fault", "kode 96", "kode 68: closed", "rubbish", "an error page"],
)
async def test_a_failure_in_a_soap_answer_counts(
    status: int, body: bytes, kind: type[AgencyFailure], state: BreakerState
) -> None:
    gate = gate_of("pbb", breaker=BREAKER)
    async with serve_bytes(reply(status, body)) as server:
        tax = connect(server.url, user="u", secret="p", gate=gate)
        try:
            assert type((await tax.objects_of([NIK], call()))[NIK]) is kind
        finally:
            await tax.close()
    assert gate.breaker_state is state


async def test_a_soap_call_is_counted_by_the_gate_once() -> None:
    gate = gate_of("pbb", daily_quota=10)
    async with serve_bytes(reply(200, UNKNOWN)) as server:
        tax = connect(server.url, user="u", secret="p", gate=gate)
        try:
            assert await tax.objects_of([NIK], call()) == {}
        finally:
            await tax.close()
    assert gate.quota_left == 9


async def test_a_missing_database_opens_the_breaker(tmp_path: Path) -> None:
    gate = gate_of("dukcapil", breaker=BREAKER)
    driver = SqlDriver("dukcapil", f"sqlite:///{tmp_path}/none.db", deadline=5, pool_size=1, gate=gate)
    try:
        with pytest.raises(AgencyUnavailable):
            await driver.rows("SELECT 1", {}, call())
        with pytest.raises(AgencyUnavailable) as refused:
            await driver.rows("SELECT 1", {}, call())
    finally:
        await driver.close()
    assert (refused.value.detail, refused.value.retry_after) == ("not called: breaker open", 10.0)
