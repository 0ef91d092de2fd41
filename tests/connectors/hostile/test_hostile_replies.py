"""Agencies that send anything that could stop a worker: each costs its own fields, and the event loop continues."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from connectors.declared.open311.complaints import Open311Complaints
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpLimits, HttpRequest, HttpService
from connectors.drivers.http.xml_body import MAX_ELEMENTS
from connectors.resilience.agency_terms import AgencyTerms, BreakerEntry
from connectors.resilience.breaker import BreakerState
from connectors.resilience.gate import Gate
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyTimeout, AgencyUnavailable, ReplyBudgetSpent
from records.calls.reply_budget import MAX_REPLY_BYTES, ReplyBudget
from records.complaints import Complaint
from records.identifiers import Nik
from tests.connectors.city_agencies import build_pangan
from tests.connectors.drivers.byte_server import ByteServer, ReceivedRequest, Script, reply, serve_bytes_in_thread
from tests.connectors.drivers.scripted_driver import call
from tests.connectors.hostile.loop_probe import STALL, longest_turn
from tests.connectors.open311_servers import build_crm
from tests.connectors.pbb_answers import TaxConnector, connect

RECORDED = Path(__file__).parent.parent / "recorded"
NIKS = tuple(Nik(f"31710101019000{each:02}") for each in range(1, 9))
MOST_BYTES = 4 * 1024 * 1024
"""The limit of JSON in `wiring/agencies.py`."""


def gate_of(agency: str) -> Gate:
    return Gate(agency, AgencyTerms(deadline=10.0, max_concurrency=8, breaker=BreakerEntry(failures=5, pause=10.0)))


@asynccontextmanager
async def tax_at(script: Script | bytes, gate: Gate | None = None) -> AsyncIterator[tuple[TaxConnector, ByteServer]]:
    async with serve_bytes_in_thread(script) as server:
        tax = connect(server.url, user="u", secret="p", deadline=10, gate=gate)
        try:
            yield tax, server
        finally:
            await tax.close()


@asynccontextmanager
async def http_at(script: Script | bytes, gate: Gate | None = None) -> AsyncIterator[tuple[HttpDriver, ByteServer]]:
    async with serve_bytes_in_thread(script) as server:
        http = HttpDriver(
            HttpService("crm", server.url, headers={}),
            HttpLimits(deadline=10, connections=8, max_bytes=MOST_BYTES),
            gate=gate,
        )
        try:
            yield http, server
        finally:
            await http.close()


def complaints_over(http: HttpDriver) -> Open311Complaints:
    return build_crm(http)


def filled(before: bytes, unit: bytes, after: bytes, size: int) -> bytes:
    """This number of bytes of one kind."""
    return before + unit * ((size - len(before) - len(after)) // len(unit)) + after


# SOAP.

ANSWER, _, _REST = (RECORDED / "pbb_objects_unknown_nik.xml").read_bytes().partition(b"<pbb:kode>")
END = _REST[_REST.index(b"</pbb:GetObjekByNikResponse>") :]
KODE = b"<pbb:kode>00</pbb:kode>"
OBJECT = b"<pbb:objek/>"
XML_BYTES = 2 * 1024 * 1024

XML: Mapping[str, bytes] = {
    "empty objects": filled(ANSWER + KODE, OBJECT, END, XML_BYTES),
    "unknown elements": filled(ANSWER + KODE, b"<a/>", END, XML_BYTES),
    "just as many as may be": ANSWER + KODE + b"<a/>" * (2 * MAX_ELEMENTS - 20) + END,
    "namespaces": filled(ANSWER + KODE, b'<a xmlns="u"/>', END, XML_BYTES),
    "attributes": ANSWER + KODE + b"<a " + b" ".join(b'a%d=""' % n for n in range(200_000)) + b"/>" + END,
    "deep": ANSWER + KODE + b"<a>" * 100_000 + b"</a>" * 100_000 + END,
    "a long text": filled(ANSWER + b"<pbb:kode>", b"0", b"</pbb:kode>" + END, XML_BYTES),
    "character references": filled(ANSWER + b"<pbb:kode>", b"&#48;", b"</pbb:kode>" + END, XML_BYTES),
    "billion laughs": (
        b'<!DOCTYPE x [<!ENTITY a "lol">'
        + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
        + b"]>"
        + ANSWER
        + b'<pbb:kode a="&j;">&j;</pbb:kode>'
        + END
    ),
    "an endless comment": filled(ANSWER + b"<!--", b"-x", b"", XML_BYTES),
}


@pytest.mark.parametrize("attack", XML)
async def test_no_xml_stops_the_loop(attack: str) -> None:
    answer = reply(200, gzip.compress(XML[attack], 1), Content_Encoding="gzip")
    async with tax_at(answer) as (tax, _):
        await tax.objects_of(NIKS[:1], call())  # connections and imports are made
        found: list[object] = []

        async def ask() -> None:
            found[:] = (await tax.objects_of(NIKS, call())).values()

        assert await longest_turn(ask) < STALL
    if attack != "just as many as may be":
        assert [type(each) for each in found] == [AgencyMalformed] * len(NIKS)
    else:
        assert found == [()] * len(NIKS)


async def test_a_hundred_tax_objects_with_all_bills_are_read_without_a_stall() -> None:
    body = (RECORDED / "pbb_objects_many_quirks.xml").read_bytes()
    start, end = body.index(b"<pbb:objek>"), body.rindex(b"</pbb:objek>") + len(b"</pbb:objek>")
    long = body[:start] + body[start:end] * 50 + body[end:]
    async with tax_at(reply(200, long)) as (tax, _):
        found = await tax.objects_of(NIKS[:1], call())
        objects = found[NIKS[0]]
        assert not isinstance(objects, AgencyFailure)
        assert len(objects) == 100
        assert await longest_turn(lambda: tax.objects_of(NIKS[:4], call())) < STALL


# JSON.

COMPLAINT = (RECORDED / "crm_requests_page.json").read_bytes()
ROW = b'{"service_request_id": "%d", "requested_datetime": "2026-10-01T10:00:00+07:00", "notes": [%s]},'
NOTE = b'{"datetime":"2026-10-01T10:00:00+07:00"}'

JSON: Mapping[str, bytes] = {
    "empty objects": filled(b"[", b"{},", b"{}]", MOST_BYTES),
    "lists": filled(b"[", b"[],", b"{}]", MOST_BYTES),
    "lists in lists": filled(b"[", b"[" * 1000 + b"]" * 1000 + b",", b"{}]", MOST_BYTES),
    "numbers": filled(b"[", b"1,", b"1]", MOST_BYTES),
    "members": b"{" + b",".join(b'"k%d":1' % each for each in range(300_000)) + b"}",
    "a number of 100,000 digits": b"[" + b"9" * 100_000 + b"]",
    "a long text": filled(b'["', b"a", b'"]', MOST_BYTES),
    "escapes": filled(b'["', b"\\u0061", b'"]', MOST_BYTES),
    "deep": b"[" * 1_000_000,
    "a thousand and one rows": b"[" + b'{"service_request_id": "1"},' * 1000 + b'{"service_request_id": "1"}]',
}


@pytest.mark.parametrize("attack", JSON)
async def test_no_json_stops_the_loop(attack: str) -> None:
    answer = reply(200, zlib.compress(JSON[attack], 1), Content_Encoding="deflate")
    async with http_at(answer) as (http, _):
        crm = complaints_over(http)
        failures: list[AgencyFailure] = []

        async def ask() -> None:
            asked = [crm.categories([str(each)], call()) for each in range(8)]
            ended = await asyncio.gather(*asked, return_exceptions=True)
            failures[:] = [each for each in ended if isinstance(each, AgencyFailure)]

        await ask()
        assert await longest_turn(ask) < STALL
    assert [type(each) for each in failures] == [AgencyMalformed] * 8
    assert not [each for each in failures if "127.0.0.1" in f"{each} {each.detail}"]


async def test_full_pages_of_complaints_are_read_without_a_stall() -> None:
    rows = b"".join(ROW % (each, b",".join([NOTE] * 20)) for each in range(499))
    async with http_at(reply(200, b"[" + rows.rstrip(b",") + b"]")) as (http, _):
        crm = complaints_over(http)
        ids = [str(each) for each in range(499)]
        found = await crm.complaints(ids, call())
        assert len([each for each in found.values() if isinstance(each, Complaint)]) == 499
        assert await longest_turn(lambda: asyncio.gather(*(crm.complaints(ids, call()) for _ in range(4)))) < STALL


async def test_a_complaint_with_too_many_steps_is_malformed_and_affects_no_other() -> None:
    rows = ROW % (1, b",".join([NOTE] * 1_001)) + ROW % (2, NOTE)
    async with http_at(reply(200, b"[" + rows.rstrip(b",") + b"]")) as (http, _):
        found = await complaints_over(http).complaints(["1", "2"], call())
    assert (type(found["1"]), type(found["2"])) == (AgencyMalformed, Complaint)


async def test_a_price_report_with_too_many_days_is_malformed() -> None:
    day = b'{"time": "2026-10-01", "value": 1}'
    body = b'{"data": {"data": [{"recaps": [' + b",".join([day] * 5000) + b"]}]}}"
    async with http_at(reply(200, body)) as (http, _):
        prices = build_pangan(http)

        async def ask() -> None:
            with pytest.raises(AgencyMalformed):
                await prices.markets(["1"], call())

        assert await longest_turn(ask) < STALL


async def test_the_longest_price_lists_of_many_markets_are_read_without_a_stall() -> None:
    price = (
        b'{"commodity_id": %d, "name": "Beras", "newest_price": "1.234.567,50", "latest_new_price_date": "1 Mei 2026"}'
    )
    body = b'{"data": {"data": [' + b",".join(price % each for each in range(1, 1001)) + b"]}}"
    async with http_at(reply(200, body)) as (http, _):
        prices = build_pangan(http)
        await prices.prices_of(["1"], call())  # connections and imports are made
        found: list[object] = []

        async def ask() -> None:
            found[:] = (await prices.prices_of([str(each) for each in range(1, 9)], call())).values()

        assert await longest_turn(ask) < STALL
    assert [len(each) if isinstance(each, tuple) else each for each in found] == [1000] * 8


# What is too much together.

LISTED = b"[" + b",".join([b'{"service_request_id": "%d"}' % each for each in range(500)]) + b"]"


def endless_pages() -> tuple[Script, list[int]]:
    """A search that always has another full page, each of them large."""
    sent: list[int] = []
    row = b'{"service_request_id": "%d", "requested_datetime": "2026-10-01T10:00:00+07:00", "description": "%s",'
    row += b'"extended_attributes": {"reporter": "' + NIKS[0].encode() + b'"}}'

    async def script(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        start = 500 * len(sent)
        body = b"[" + b",".join(row % (start + each, b"x" * 8000) for each in range(500)) + b"]"
        sent.append(len(body))
        writer.write(reply(200, body))

    return script, sent


async def test_endless_pages_are_read_until_the_requests_budget_is_spent() -> None:
    script, sent = endless_pages()
    gate = gate_of("crm")
    async with http_at(script, gate) as (http, _):
        budget = ReplyBudget()
        asking = Call(deadline=call(30).deadline, request_id="r-1", reply_budget=budget)
        with pytest.raises(ReplyBudgetSpent) as caught:
            await complaints_over(http).complaints_of(NIKS[:1], asking)
        asked = len(sent)
        assert caught.value.code == "AGENCY_MALFORMED"
        assert sum(sent[:-1]) < MAX_REPLY_BYTES <= sum(sent) + 64 * 500 * 8 * len(sent)
        # Whatever else the same request wants of whatever agency is not even asked for.
        with pytest.raises(ReplyBudgetSpent):
            await complaints_over(http).categories(["1"], asking)
        assert len(sent) == asked < 10
    assert gate.breaker_state is BreakerState.CLOSED


async def test_one_request_has_one_budget_for_all_agencies_and_attempts() -> None:
    body = b"[" + b" " * 100_000 + b"]"
    budget = ReplyBudget(1_000_000)
    asking = Call(deadline=call(30).deadline, request_id="r-1", reply_budget=budget)
    async with http_at(reply(200, body), gate_of("crm")) as (http, _):
        for _ in range(3):
            await http.ask_value(HttpRequest("GET", "/"), asking, lambda _, value: value)
            await http.send(HttpRequest("GET", "/"), asking)
    assert budget.left < 1_000_000 - 6 * 100_000
    assert call().reply_budget is not call().reply_budget


# What replies say of the agency.


@pytest.mark.parametrize(
    "body",
    [JSON["empty objects"], b"<html>", b'{"error": "none"}', JSON["a thousand and one rows"]],
    ids=["too many values", "no json", "no list", "too many rows"],
)
async def test_unreadable_replies_open_the_breaker(body: bytes) -> None:
    gate = gate_of("crm")
    async with http_at(reply(200, body), gate) as (http, server):
        crm = complaints_over(http)
        for _ in range(5):
            with pytest.raises(AgencyMalformed):
                await crm.complaints(["1"], call())
        assert gate.breaker_state is BreakerState.OPEN
        with pytest.raises(AgencyUnavailable, match="crm"):
            await crm.complaints(["1"], call())
        assert len(server.asked) == 5


async def test_an_unreadable_record_never_opens_the_breaker() -> None:
    gate = gate_of("crm")
    async with http_at(reply(200, b'[{"service_request_id": "1"}]'), gate) as (http, _):
        crm = complaints_over(http)
        for _ in range(20):
            assert type((await crm.complaints(["1"], call()))["1"]) is AgencyMalformed
    assert gate.breaker_state is BreakerState.CLOSED


async def test_oversized_soap_replies_open_the_breaker() -> None:
    gate = gate_of("pbb")
    async with tax_at(reply(200, XML["empty objects"]), gate) as (tax, server):
        found = await tax.objects_of(NIKS[:5], call())
        assert {type(each) for each in found.values()} == {AgencyMalformed}
        assert gate.breaker_state is BreakerState.OPEN
        assert type((await tax.objects_of(NIKS[:1], call()))[NIKS[0]]) is AgencyUnavailable
        assert len(server.asked) == 5


# The wire.


def drip() -> Script:
    async def script(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1\r\n \r\n")
            await writer.drain()
            await asyncio.sleep(0.005)

    return script


BOMBS: Mapping[str, Callable[[], bytes]] = {
    "gzip": lambda: gzip.compress(b"\0" * 50_000_000),
    "deflate": lambda: zlib.compress(b"\0" * 50_000_000),
    "thousands of members": lambda: gzip.compress(b"") * 5000,
    "something behind it": lambda: gzip.compress(b"[1]") + b"\0" * 1_000_000,
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("bomb", BOMBS)
async def test_compression_bombs_stay_within_the_limit(bomb: str, method: str) -> None:
    encoding = "deflate" if bomb == "deflate" else "gzip"
    body = BOMBS[bomb]()
    async with http_at(reply(200, body, Content_Encoding=encoding)) as (http, _):

        async def ask() -> None:
            asked = [http.send(HttpRequest(method, "/"), call()) for _ in range(8)]
            for each in await asyncio.gather(*asked, return_exceptions=True):
                assert type(each) is AgencyMalformed

        assert await longest_turn(ask) < STALL


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_endless_slow_reply_ends_at_the_deadline(method: str) -> None:
    async with http_at(drip()) as (http, _):
        with pytest.raises(AgencyTimeout):
            await http.send(HttpRequest(method, "/"), call(0.2))


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("length", "outcomes"),
    # aiohttp reports excess bytes immediately; over the hub's connections the reply is complete by then.
    [(3, {b"[1]", AgencyMalformed}), (30, {AgencyUnavailable}), (10**15, {AgencyUnavailable})],
    ids=["short", "long", "vast"],
)
async def test_a_wrong_content_length_fails_only_its_reply(
    length: int, outcomes: set[bytes | type[AgencyFailure]], method: str
) -> None:
    async def script(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n[1][2]" % length)
        await writer.drain()
        writer.close()

    async with http_at(script) as (http, _):

        async def ask() -> bytes | type[AgencyFailure]:
            try:
                return (await http.send(HttpRequest(method, "/"), call())).body
            except AgencyFailure as failure:
                return type(failure)

        # What is left of a short one is no reply to the next request.
        assert {await ask(), await ask()} <= outcomes


# Texts that only cost time.


async def test_huge_texts_fail_only_their_records_without_a_stall() -> None:
    long = b"a " * 60_000
    rows = b",".join(
        b'{"service_request_id": "%d", "requested_datetime": "%s", "address": "%s", "description": "%s"}'
        % (each, long, long, long)
        for each in range(10)
    )
    async with http_at(reply(200, b"[" + rows + b"]")) as (http, _):
        crm, ids = complaints_over(http), [str(each) for each in range(10)]
        found = await crm.complaints(ids, call())
        assert [type(found[each]) for each in ids] == [AgencyMalformed] * 10
        assert await longest_turn(lambda: asyncio.gather(*(crm.complaints(ids, call()) for _ in range(4)))) < STALL


async def test_addresses_of_the_maximum_length_are_read_in_slices() -> None:
    body = (RECORDED / "pbb_objects_siti.xml").read_bytes()
    start, end = body.index(b"<pbb:objek>"), body.rindex(b"</pbb:objek>") + len(b"</pbb:objek>")
    street = body[body.index(b"<op:JALAN_OP>") : body.index(b"</op:JALAN_OP>")]
    long = body[:start] + body[start:end].replace(street, b"<op:JALAN_OP>" + b"A/" * 240) * 40 + body[end:]
    async with tax_at(reply(200, long)) as (tax, _):
        found = await tax.objects_of(NIKS[:1], call())
        assert not isinstance(found[NIKS[0]], AgencyFailure)
        assert await longest_turn(lambda: tax.objects_of(NIKS[:4], call())) < STALL
