"""The meaning that a manifest gives HTTP statuses and result codes, and what counts at the breaker."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from connectors.declared.tables import TroubleTable
from connectors.resilience.breaker import BreakerState
from records.calls.failures import AgencyFailure, AgencyLimitReached, AgencyMalformed, AgencyRefused, AgencyUnavailable
from tests.connectors.declared.http.booths import BOOTH, ROW, TABLES, BoothQuery, build, change, open_driver, open_gate
from tests.connectors.drivers.byte_server import reply, serve_bytes
from tests.connectors.failures import make_call

TROUBLE: dict[str, Any] = {
    "code": "code",
    "success": "|0",
    "absent": "14",
    "busy": "29",
    "malformed": "50",
    "pause": 30,
    "status": {"success": "422|500", "absent": "410", "refused": "503", "busy": "509", "malformed": "409"},
}
OK = {"data": ROW}
CASES: dict[str, tuple[int, object, object, bool]] = {
    "200": (200, OK, BOOTH, False),
    "404 keeps its meaning": (404, OK, None, False),
    "400 keeps its meaning": (400, OK, AgencyRefused("kios", "HTTP 400"), False),
    "502 keeps its meaning": (502, OK, AgencyUnavailable("kios", "HTTP 502"), True),
    "an absent record": (410, b"<html>", None, False),
    "a refusal by an error of the server": (503, b"", AgencyRefused("kios", "HTTP 503"), False),
    "too many calls": (509, b"", AgencyRefused("kios", "HTTP 509", retry_after=30), False),
    "a malformed reply": (409, b"", AgencyMalformed("kios", "HTTP 409"), True),
    "an error whose body is an answer": (500, OK, BOOTH, False),
    "an error whose body has a code": (422, {"code": 14}, None, False),
    "an error whose body is not readable": (
        422,
        b"<html>",
        AgencyMalformed("kios", "the body of an HTTP 422 reply is not JSON"),
        True,
    ),
    "a code of too many calls": (200, {"code": "29"}, AgencyRefused("kios", "code 29", retry_after=30), False),
    "a code of a malformed reply": (200, {"code": 50}, AgencyMalformed("kios", "code 50"), True),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_status_and_a_code_have_their_meaning(case: str) -> None:
    status, body, expected, counts = CASES[case]
    gate = open_gate()
    written = body if isinstance(body, bytes) else orjson.dumps(body)
    async with serve_bytes(reply(status, written)) as server:
        http = open_driver(server.url, gate)
        found = (await build(http, TABLES | {"trouble": TROUBLE}).booths(["7"], make_call())).get("7")
        await http.close()
    if isinstance(expected, AgencyFailure):
        assert isinstance(found, AgencyFailure)
        assert (type(found), found.detail, found.retry_after) == (type(expected), expected.detail, expected.retry_after)
    else:
        assert found == expected
    assert gate.breaker_state is (BreakerState.OPEN if counts else BreakerState.CLOSED)


async def test_too_many_calls_pause_the_calls() -> None:
    gate = open_gate()
    async with serve_bytes(reply(509, Retry_After="120")) as server:
        http = open_driver(server.url, gate)
        connector = build(http, TABLES | {"trouble": TROUBLE})
        first = (await connector.booths(["7"], make_call()))["7"]
        second = (await connector.booths(["8"], make_call()))["8"]
        await http.close()
        assert len(server.asked) == 1
    assert first.retry_after == 120
    assert type(second) is AgencyLimitReached


async def test_the_code_of_a_list_is_in_its_entry_and_an_absent_list_is_empty() -> None:
    trouble = {"code": "0.code", "success": "", "absent": "14"}
    tables = change("found", rows="") | {"trouble": trouble}
    for body, count in (([ROW], 1), ([{"code": 14}], 0)):
        async with serve_bytes(reply(200, orjson.dumps(body))) as server:
            http = open_driver(server.url)
            answers = await build(http, tables).found([BoothQuery()], make_call())
            await http.close()
        found = answers[BoothQuery()]
        assert isinstance(found, tuple)
        assert len(found) == count


def test_a_meaning_of_codes_needs_the_path_to_the_code() -> None:
    assert TroubleTable(status={"absent": "410"}).code == ()  # type: ignore[arg-type]  # as in a manifest
    with pytest.raises(ValueError, match="code: name the path to the code that absent is about"):
        TroubleTable(absent="14")
