"""Declared reads over HTTP that ask for several keys in one call, and JSON bodies of requests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from connectors.declared.connector import build_declared_connector
from connectors.declared.driver_family import CallLimits
from connectors.declared.tables import NotDeclarableError
from connectors.resilience.breaker import BreakerState
from records.calls.answers import Answers
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused
from records.identifiers import Nik
from tests.connectors.declared.http.booths import (
    BOOTH,
    BUDI,
    ROW,
    SITI,
    TABLES,
    Booth,
    BoothPermitQuery,
    Booths,
    build,
    change,
    open_driver,
    open_gate,
    rows,
    serve,
)
from tests.connectors.declared.tables import parse_tables
from tests.connectors.drivers.byte_server import ReceivedRequest, reply
from tests.connectors.failures import make_call

BY_BODY = change(
    "booths_of",
    form=None,
    path="v1/booths/search",
    body={"filter": {"nik": "{keys}", "open": True}, "size": 500, "share": 0.5, "text": "of {keys}", "any": ["a", 1]},
)
BY_QUERY = change(
    "booths", path="v1/booths", query={"id": ["{keys}"], "fields": ["id", "nik"], "all": True}, rows="data.rows"
)
BY_COMMAS = change("booths", path="v1/booths/{keys}", query={"ids": "{keys}"}, rows="data.rows")


def list_ids(answers: Answers[Nik, Sequence[Booth]]) -> dict[Nik, list[str]]:
    return {key: [each.id for each in found] for key, found in answers.items() if not isinstance(found, AgencyFailure)}


class TestBatchRequests:
    async def test_a_json_body_keeps_types_and_holds_all_keys(self) -> None:
        async with serve(rows({}, {"id": 8, "nik": BUDI}), tables=BY_BODY) as (connector, server):
            answers = await connector.booths_of([SITI, BUDI, Nik("x")], make_call())
        [asked] = server.asked
        assert (asked.method, asked.headers["content-type"]) == ("POST", "application/json")
        assert orjson.loads(asked.body) == {
            "filter": {"nik": [SITI, BUDI], "open": True},
            "size": 500,
            "share": 0.5,
            "text": f"of {SITI},{BUDI}",
            "any": ["a", 1],
        }
        assert list_ids(answers) == {SITI: ["7"], BUDI: ["8"]}

    async def test_numbers_of_keys_are_numbers_in_json_and_texts_in_a_query(self) -> None:
        tables = change("booths", path="v1/booths", body={"ids": "{keys}"}, rows="data.rows")
        async with serve(rows({}), tables=tables) as (connector, server):
            assert await connector.booths(["7", "x", "8"], make_call()) == {"7": BOOTH}
        assert server.asked[0].body == b'{"ids":[7,8]}'
        async with serve(rows({}), tables=BY_QUERY) as (connector, server):
            assert await connector.booths(["7", "8"], make_call()) == {"7": BOOTH}
        assert server.asked[0].target == "/v1/booths?id=7&id=8&fields=id&fields=nik&all=true"

    async def test_keys_are_separated_by_commas_in_a_text(self) -> None:
        async with serve(rows({}), tables=BY_COMMAS) as (connector, server):
            assert await connector.booths(["7", "8"], make_call()) == {"7": BOOTH}
        assert server.asked[0].target == "/v1/booths/7,8?ids=7,8"

    async def test_a_key_with_a_comma_is_unknown_where_commas_separate_keys(self) -> None:
        tables = change(
            "booths", path="v1/booths", query={"ids": "{keys}"}, rows="data.rows", key_type=None, key_pattern=".+"
        )
        async with serve(rows({}), tables=tables) as (connector, server):
            assert await connector.booths(["7", "7,8"], make_call()) == {"7": BOOTH}
            assert await connector.booths(["7,8"], make_call()) == {}
        assert [each.target for each in server.asked] == ["/v1/booths?ids=7"]

    async def test_one_key_a_call_can_have_a_json_body_too(self) -> None:
        tables = change("booths", path="v1/booths", body={"id": "{key}", "name": "no {key}"})
        async with serve({"data": ROW}, tables=tables) as (connector, server):
            assert await connector.booths(["7"], make_call()) == {"7": BOOTH}
        assert server.asked[0].body == b'{"id":7,"name":"no 7"}'

    async def test_parts_of_a_query_keep_their_type_in_json(self) -> None:
        body = {"in": ["{district}", "{year}"], "month": "{year:06}"}
        tables = change("permits", query=None, body=body, key_pattern={"district": "[A-Z ]+"})
        async with serve([], tables=tables) as (connector, server):
            await connector.permits(
                [BoothPermitQuery(district='"A', year=1), BoothPermitQuery(district="A", year=26)], make_call()
            )
        assert [each.body for each in server.asked] == [b'{"in":["A",26],"month":"000026"}']

    @pytest.mark.parametrize(("method", "query"), [("POST", {"id": "{key}"}), ("GET", {"id": "{key}"})])
    async def test_the_method_can_be_named(self, method: str, query: dict[str, str]) -> None:
        tables = change("booths", path="v1/booths", query=query, method=method)
        async with serve({"data": ROW}, tables=tables) as (connector, server):
            assert await connector.booths(["7"], make_call()) == {"7": BOOTH}
        assert (server.asked[0].method, server.asked[0].target, server.asked[0].body) == (
            method,
            "/v1/booths?id=7",
            b"",
        )


class TestBatchReplies:
    async def test_calls_have_as_many_keys_as_the_terms_allow(self) -> None:
        async def script(asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            ids = parse_qs(urlsplit(asked.target).query)["id"]
            writer.write(reply(503) if "9" in ids else reply(200, orjson.dumps(rows(*({"id": each} for each in ids)))))

        async with serve(script, tables=BY_QUERY) as (connector, server):
            http = open_driver(server.url)
            few = build_declared_connector(
                Booths, parse_tables("http", BY_QUERY), http, agency="kios", limits=CallLimits(max_batch_size=2)
            )
            answers = await few.booths([str(each) for each in range(5, 10)], make_call())
            await http.close()
            many = await connector.booths([str(each) for each in range(1000, 1150)], make_call())
        assert {key for key, each in answers.items() if isinstance(each, Booth)} == {"5", "6", "7", "8"}
        assert len(many) == 150
        assert sorted(each.target.count("id=") for each in server.asked) == [1, 2, 2, 50, 100]

    @pytest.mark.parametrize("other", [{"id": 9}, {"id": None}, {"id": "x7"}])
    async def test_a_row_of_another_key_rejects_the_reply_inside_the_gate(self, other: dict[str, Any]) -> None:
        gate = open_gate()
        async with serve(rows({}, other), tables=BY_QUERY, gate=gate) as (connector, _):
            with pytest.raises(AgencyMalformed) as caught:
                await connector.booths(["7", "8"], make_call())
        assert caught.value.detail == "a row for a key that was not requested"
        assert (gate.counts.mismatches, gate.breaker_state) == (1, BreakerState.OPEN)

    async def test_an_unreadable_row_and_a_key_in_another_form_fail_alone(self) -> None:
        answer = rows({}, {"id": 8, "nik": None}, {"id": " 9"}, {"id": 10}, {"id": 10, "nik": BUDI})
        async with serve(answer, tables=BY_QUERY) as (connector, _):
            answers = await connector.booths(["7", "8", "9", "10", "11"], make_call())
        assert answers["7"] == BOOTH
        details = {key: each.detail for key, each in answers.items() if isinstance(each, AgencyMalformed)}
        assert details == {
            "8": "not readable as a NIK (Booth.owner)",
            "10": "one record is listed twice, with different contents",
        }
        assert answers["9"] == replace(BOOTH, id="9")

    async def test_rows_of_several_keys_are_grouped_by_key_and_an_incomplete_one_is_left_out(self) -> None:
        answer = rows({}, {"id": 8, "nik": BUDI}, {"id": 9}, {"id": 9}, {"id": "-"})
        async with serve(answer, tables=BY_BODY) as (connector, _):
            answers = await connector.booths_of([SITI, BUDI], make_call())
        assert list_ids(answers) == {SITI: ["7", "9"], BUDI: ["8"]}

    async def test_404_refuses_a_call_for_several_keys(self) -> None:
        async def script(_asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            writer.write(reply(404))

        async with serve(script, tables=BY_QUERY) as (connector, _):
            with pytest.raises(AgencyRefused) as caught:
                await connector.booths(["7", "8"], make_call())
        assert caught.value.detail == "HTTP 404"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a batch without a key column": (
        change("booths", path="v1/booths", query={"id": "{keys}"}, key=None),
        "reads.booths.key: rows for several keys must repeat their key: name its column in `key`",
    ),
    "one key and several": (
        change("booths", path="v1/booths/{key}", query={"id": "{keys}"}),
        "reads.booths: a call is for one {key} or for several {keys}; choose one of them",
    ),
    "keys of a query": (
        change("permits", query={"year": "{keys}"}),
        "reads.permits.query.year: the key has no part 'keys'; write one of {district}, {year}",
    ),
    "a list of records without an identity": (
        change("booths_of", form={"nik": "{keys}"}, id=None),
        "reads.booths_of: name the column that identifies a row in `id`",
    ),
    "a value that JSON has not": (
        change("booths", path="v1/booths", body={"id": "{key}", "on": {"day": object()}}),
        "reads.booths.body.on.day: a JSON body has texts, numbers, true, false, lists and tables; write a text",
    ),
    "a function for several keys": (
        change("booths", path="v1/booths", query={"id": "{keys}"}, python="connectors.prices:read_trend"),
        "reads.booths.python: it is for a read with one call for each key; remove the line",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_batch_that_does_not_fit_is_refused_with_its_place_and_the_fix(case: str) -> None:
    tables, message = REFUSED[case]
    with pytest.raises(NotDeclarableError) as refused:
        build(open_driver(), tables)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"body": {}}, "body: a call has a form or a JSON body; remove one of them"),
        ({"method": "GET"}, "method: a GET has no form and no body; remove this line"),
    ],
)
def test_a_call_is_sent_in_one_way(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_tables("http", change("booths_of", **changes))


def test_only_reads_for_several_keys_can_have_a_maximum_of_keys() -> None:
    with pytest.raises(NotDeclarableError, match=r"^terms\.max_batch_size: the agency takes one key per call"):
        build_declared_connector(
            Booths, parse_tables("http", TABLES), open_driver(), agency="kios", limits=CallLimits(max_batch_size=2)
        )
